/** A channel into memory of its own: whoever is at its end gets each frame as it is finished. */
import type { Lane, Refusal } from '../actor/link.js';
import type { Frame } from '../actor/mailbox.js';
import type { ActorId } from '../actor/space.js';
import type { Channel } from '../replica/channel.js';

export interface FrameChannelOptions {
  readonly source: ActorId;
  readonly destination: ActorId;
  /** Whether there is room; a frame that is refused is a lost message. */
  readonly hasRoom: () => boolean;
  /** Called in `end`. The frame and its bytes are free to be kept. */
  readonly deliver: (frame: Frame) => void;
}

export class FrameChannel implements Channel {
  readonly offset = 0;
  readonly refusal: Refusal = 'full';
  bytes: Buffer = Buffer.alloc(0);
  readonly #options: FrameChannelOptions;
  #begun:
    | { readonly lane: Lane; readonly kind: number; readonly correlationId: number }
    | undefined;

  constructor(options: FrameChannelOptions) {
    this.#options = options;
  }

  begin(lane: Lane, kind: number, bodyBytesMax: number, correlationId = 0): boolean {
    if (!this.#options.hasRoom()) return false;
    this.bytes = Buffer.alloc(bodyBytesMax);
    this.#begun = { lane, kind, correlationId };
    return true;
  }

  end(bodyBytes: number): void {
    const { source, destination, deliver } = this.#options;
    const begun = this.#begun;
    if (begun === undefined) return;
    this.#begun = undefined;
    deliver(frameOf(begun, { source, destination, body: this.bytes.subarray(0, bodyBytes) }));
  }
}

/** A frame that was in no ring. Incarnations do not matter where processes are the actors. */
export function frameOf(
  { lane, kind, correlationId }: Pick<Frame, 'lane' | 'kind' | 'correlationId'>,
  way: { readonly source: ActorId; readonly destination: ActorId; readonly body: Buffer },
): Frame {
  const { source, destination, body } = way;
  return {
    source,
    sourceIncarnation: 0,
    destination,
    kind,
    lane,
    correlationId,
    bytes: body,
    start: 0,
    end: body.length,
  };
}
