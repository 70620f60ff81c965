/**
 * The structured clone as bytes, for values that are more than plain data: Map, Set, Error, RegExp,
 * typed arrays, cycles, holes. V8's own serializer, which is what `structuredClone` runs on.
 *
 * `v8.serialize` differs from it in two ways that are repaired here: it gives a `Buffer` back where
 * the structured clone gives a `Uint8Array`, and what it reads are views of the source. Each view
 * is stored with its own bytes only (never the rest of a pool that it may stand in), so two views
 * of one buffer do not share it afterwards.
 */
import { DefaultDeserializer, DefaultSerializer } from 'node:v8';

type ViewConstructor = { readonly name: string; new (own: ArrayBuffer): ArrayBufferView };

/** The position is stored: append only. */
const viewConstructors: readonly ViewConstructor[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];

/** Throws what V8 throws for a value that the structured clone refuses. */
export function serialize(value: unknown): Buffer {
  const serializer = new Serializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

export function deserialize(bytes: Uint8Array): unknown {
  const deserializer = new Deserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue();
}

class Serializer extends DefaultSerializer {
  /** Called for what is no plain JavaScript object: a view, or an object of the platform. */
  _writeHostObject(host: object): void {
    const name = Object.prototype.toString.call(host).slice('[object '.length, -1);
    const kind = viewConstructors.findIndex((View) => View.name === name);
    if (kind < 0 || !ArrayBuffer.isView(host)) {
      throw new TypeError(`a ${name} belongs to its process and could not be cloned`);
    }
    this.writeUint32(kind);
    this.writeUint32(host.byteLength);
    this.writeRawBytes(new Uint8Array(host.buffer, host.byteOffset, host.byteLength));
  }
}

class Deserializer extends DefaultDeserializer {
  _readHostObject(): ArrayBufferView {
    const View = viewConstructors[this.readUint32()];
    if (View === undefined) throw new TypeError('a view of an unknown kind');
    return new View(new Uint8Array(this.readRawBytes(this.readUint32())).buffer);
  }
}
