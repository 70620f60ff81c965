/**
 * The public door of the checker: `import { checkHistory } from 'balsa/chaos'`.
 *
 * Histories of any store can be checked here, and calls of any object against a model of one's own.
 */
export { type CallsResult, type CheckOptions, checkCalls } from './call-check.js';
export { type EventType, formatEvent, type HistoryEvent, type Nanoseconds } from './event.js';
export { readHistory } from './history.js';
export {
  checkHistory,
  type HistoryCheckOptions,
  type HistoryResult,
  type KeyResult,
} from './history-check.js';
export { type Band, historyPage, type PageHistory } from './history-page.js';
export type { Json } from './json.js';
export {
  type AppendInput,
  appendModel,
  type BankInput,
  bankModel,
  type Call,
  type CasInput,
  casModel,
  type Model,
  type RegisterInput,
  registerModel,
} from './model.js';
export { type Operation, operationsOf } from './operation.js';
export type { Verdict } from './search.js';
