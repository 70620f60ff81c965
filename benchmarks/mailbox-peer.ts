/**
 * The other thread of the mailbox benchmark: it counts what floods in and sends back what asks for
 * it.
 */
import { type ActorContext, type Behavior, type Frame, runActor } from '../src/actor/index.js';
import { floodKind, pingKind } from './mailbox-kinds.js';

await runActor((context: ActorContext): Behavior => {
  const { mailbox } = context;
  let flooded = 0;
  const receive = (frame: Frame): void => {
    if (frame.kind === floodKind) flooded += 1;
    else
      context
        .link(frame.source)
        ?.send('bulk', pingKind, frame.bytes.subarray(frame.start, frame.end));
  };
  return {
    turn() {
      const frames = mailbox.drain(receive, { framesMax: 8_192 });
      mailbox.release();
      return frames > 0;
    },
    control: { flooded: () => flooded },
  };
});
