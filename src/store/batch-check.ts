/**
 * Whether bytes from outside are one whole batch: what a leader asks before it puts them into its
 * log, where a malformed batch would stop every replica at that index for ever.
 *
 * It accepts exactly what a `BatchReader` can walk through to the end, but reads the lengths only:
 * no field is kept, nothing is allocated, nothing is thrown. A command costs two words.
 */
import { batchAlignment, batchField, batchHeaderBytes, op, roundUp } from './command.js';

const commandHeaderBytes = 8;
const casHeaderBytes = 12;

/** True if one batch, and nothing else, fills the memory of `view` from `start` to `end`. */
export function isOneBatch(view: DataView, start: number, end: number): boolean {
  const byteLength = end - start;
  if (byteLength < batchHeaderBytes || byteLength % batchAlignment !== 0) return false;
  if (view.getUint32(start + batchField.byteLength, true) !== byteLength) return false;
  const count = view.getUint32(start + batchField.count, true);
  return hasSerials(view, start, count) && hasCommands(view, start + batchHeaderBytes, end, count);
}

function hasSerials(view: DataView, start: number, count: number): boolean {
  const clientId = view.getFloat64(start + batchField.clientId, true);
  if (clientId === 0) return true;
  const firstSerial = view.getFloat64(start + batchField.firstSerial, true);
  return (
    isWholeNumber(clientId) &&
    firstSerial >= 1 &&
    isWholeNumber(firstSerial) &&
    isWholeNumber(firstSerial + count) &&
    isWholeNumber(view.getFloat64(start + batchField.lowestSerial, true))
  );
}

function hasCommands(view: DataView, start: number, end: number, count: number): boolean {
  let at = start;
  for (let left = count; left > 0; left--) {
    if (at + commandHeaderBytes > end) return false;
    const head = view.getUint32(at, true);
    let length = commandHeaderBytes + (head >>> 16) + view.getUint32(at + 4, true);
    if ((head & 0xff) === op.cas) {
      if (at + casHeaderBytes > end) return false;
      length += casHeaderBytes - commandHeaderBytes + view.getUint32(at + 8, true);
    }
    // Compared before it is rounded: a length beyond 2^31 would come out negative.
    if (at + length > end) return false;
    at += roundUp(length, 4);
  }
  return true;
}

function isWholeNumber(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
