/**
 * Memory for records of many sizes, outside of the heap that V8 collects.
 *
 * A page of 64 KiB holds records of one size class; a record that is larger than an eighth of it
 * has a page of its own, of its size. Free slots of a page are a list through the slots themselves.
 * A page whose last record goes is given back, and `sparsest` finds the pages that are worth being
 * emptied when records of a class have become few: memory stays within about twice of what is held.
 */

/** Where a record stands: page number and offset, in units of 8 bytes. 0 is nowhere. */
export type Address = number;

/** One page, as three views of the same memory. */
export interface Page {
  readonly number: number;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly words: Int32Array;
  readonly sizeClass: number;
  /** Length of a slot in bytes. */
  readonly slotBytes: number;
}

interface MutablePage extends Page {
  /** Records in it. */
  live: number;
  /** Offset of the first free slot, or -1. */
  free: number;
  /** Offset of the first slot that was never used. */
  unused: number;
  /** Its place in the list of pages with room, or -1. */
  listedAt: number;
  /** Its records are being moved out: nothing is put in any more. */
  isLeaving: boolean;
}

/** What a class of sizes holds. */
interface ClassRow {
  readonly withRoom: MutablePage[];
  pages: number;
  live: number;
}

const pageBits = 16;
const pageBytes = 2 ** pageBits;
const unitBits = 3;
const offsetBits = pageBits - unitBits;
const offsetMask = 2 ** offsetBits - 1;
/** Address space: 32 GiB in pages of 64 KiB. */
const pagesMax = 2 ** (32 - offsetBits);

const slotBytesMax = pageBytes / 8;
/** The class of records with a page of their own. */
const largeClass = 0;
/** What stands in the first word of a free slot; the next free slot's offset follows. */
const freeMark = -1;

/** Slot lengths by class: steps of 16 bytes up to 128, then four steps for each doubling. */
const classBytes: readonly number[] = [
  0,
  ...Array.from({ length: 8 }, (_, at) => (at + 1) * 16),
  ...Array.from({ length: 24 }, (_, at) => 2 ** (7 + (at >> 2)) * (1.25 + 0.25 * (at & 3))),
];

export class Slab {
  readonly #pages: (MutablePage | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #classes: readonly ClassRow[] = classBytes.map(() => ({
    withRoom: [],
    pages: 0,
    live: 0,
  }));
  #reservedBytes = 0;

  /** Bytes of all pages. */
  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  page(address: Address): Page {
    // An address that was given out names a page until it is given back.
    return this.#pages[address >>> offsetBits] as Page;
  }

  /** Room for `byteLength` bytes, at a multiple of 8. The first word must never become -1. */
  allocate(byteLength: number): Address {
    const sizeClass = classOf(byteLength);
    if (sizeClass === largeClass) return this.#allocateLarge(byteLength);
    const row = this.#classes[sizeClass] as ClassRow;
    const page = row.withRoom.at(-1) ?? this.#addPage(sizeClass);
    const offset = takeSlot(page);
    row.live += 1;
    if (page.free < 0 && page.unused + page.slotBytes > pageBytes) unlist(row, page);
    return (page.number << offsetBits) | (offset >> unitBits);
  }

  /** Whether a record of this length belongs into a slot of this page. */
  fits(byteLength: number, { sizeClass, slotBytes }: Page): boolean {
    if (classOf(byteLength) !== sizeClass) return false;
    return sizeClass !== largeClass || slotBytes === largeBytes(byteLength);
  }

  free(address: Address): void {
    const page = this.#pages[address >>> offsetBits] as MutablePage;
    const row = this.#classes[page.sizeClass] as ClassRow;
    page.live -= 1;
    row.live -= 1;
    if (page.live === 0) {
      this.#removePage(row, page);
      return;
    }
    const offset = offsetOf(address);
    page.words[offset >> 2] = freeMark;
    page.words[(offset >> 2) + 1] = page.free;
    page.free = offset;
    if (page.listedAt < 0 && !page.isLeaving) list(row, page);
  }

  /**
   * A page to move all records out of, which frees it, if the records of the class of `page` would
   * fit into less than half of its pages. Nothing new is put into it from now on.
   */
  sparsest({ sizeClass, slotBytes }: Page): Page | undefined {
    const row = this.#classes[sizeClass] as ClassRow;
    if (sizeClass === largeClass || row.pages < 4) return undefined;
    const slots = row.pages * Math.floor(pageBytes / slotBytes);
    if (row.live * 2 >= slots) return undefined;
    let found: MutablePage | undefined;
    // A few of the list are as good as any: a full search would cost more than it saves.
    for (let at = Math.max(0, row.withRoom.length - 8); at < row.withRoom.length; at += 1) {
      const page = row.withRoom[at];
      if (page !== undefined && (found === undefined || page.live < found.live)) found = page;
    }
    if (found === undefined) return undefined;
    unlist(row, found);
    found.isLeaving = true;
    return found;
  }

  /** Calls `visit` for every record of a page. It may free the record, not allocate in the page. */
  visit(page: Page, visit: (address: Address, page: Page) => void): void {
    const { words, slotBytes } = page;
    const { unused } = page as MutablePage;
    for (let offset = 0; offset + slotBytes <= unused; offset += slotBytes) {
      if (words[offset >> 2] === freeMark) continue;
      visit((page.number << offsetBits) | (offset >> unitBits), page);
    }
  }

  /** Every page, in the order of their numbers. */
  *pages(): Generator<Page> {
    for (const page of this.#pages) if (page !== undefined) yield page;
  }

  #allocateLarge(byteLength: number): Address {
    const row = this.#classes[largeClass] as ClassRow;
    const page = this.#createPage(largeClass, largeBytes(byteLength));
    page.unused = page.slotBytes;
    page.live = 1;
    row.live += 1;
    row.pages += 1;
    return page.number << offsetBits;
  }

  #addPage(sizeClass: number): MutablePage {
    const row = this.#classes[sizeClass] as ClassRow;
    const page = this.#createPage(sizeClass, classBytes[sizeClass] ?? 0);
    row.pages += 1;
    list(row, page);
    return page;
  }

  #createPage(sizeClass: number, slotBytes: number): MutablePage {
    const number = this.#freeNumbers.pop() ?? Math.max(1, this.#pages.length);
    if (number >= pagesMax) throw new RangeError(`a slab has at most ${pagesMax} pages`);
    const length = sizeClass === largeClass ? slotBytes : pageBytes;
    const buffer = new ArrayBuffer(length);
    const page: MutablePage = {
      number,
      bytes: Buffer.from(buffer),
      view: new DataView(buffer),
      words: new Int32Array(buffer),
      sizeClass,
      slotBytes,
      live: 0,
      free: -1,
      unused: 0,
      listedAt: -1,
      isLeaving: false,
    };
    this.#pages[number] = page;
    this.#reservedBytes += length;
    return page;
  }

  #removePage(row: ClassRow, page: MutablePage): void {
    if (page.listedAt >= 0) unlist(row, page);
    this.#pages[page.number] = undefined;
    this.#freeNumbers.push(page.number);
    this.#reservedBytes -= page.bytes.length;
    row.pages -= 1;
  }
}

/** Where the record at `address` begins in its page, in bytes. */
export function offsetOf(address: Address): number {
  return (address & offsetMask) << unitBits;
}

function takeSlot(page: MutablePage): number {
  page.live += 1;
  const offset = page.free;
  if (offset < 0) {
    page.unused += page.slotBytes;
    return page.unused - page.slotBytes;
  }
  page.free = page.words[(offset >> 2) + 1] ?? -1;
  return offset;
}

function list(row: ClassRow, page: MutablePage): void {
  page.listedAt = row.withRoom.length;
  row.withRoom.push(page);
}

function unlist(row: ClassRow, page: MutablePage): void {
  const last = row.withRoom.pop();
  if (last !== undefined && last !== page) {
    row.withRoom[page.listedAt] = last;
    last.listedAt = page.listedAt;
  }
  page.listedAt = -1;
}

function classOf(byteLength: number): number {
  if (byteLength <= 128) return Math.max(1, (byteLength + 15) >> 4);
  if (byteLength > slotBytesMax) return largeClass;
  const power = 31 - Math.clz32(byteLength - 1);
  const step = power - 2;
  return 8 + (power - 7) * 4 + ((byteLength + (1 << step) - 1) >> step) - 4;
}

/** In steps of 1 KiB, so that a value that changes a little in length stays where it is. */
function largeBytes(byteLength: number): number {
  return Math.ceil(byteLength / 1024) * 1024;
}
