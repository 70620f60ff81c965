/** The door of a client: from a port, which may have crossed a thread, to a client that runs. */
import { type GuestPort, openGuest } from '../actor/guest.js';
import { RaftError } from '../errors.js';
import { Client } from './client.js';
import type { ClientNode, ClientOptions } from './client-options.js';
import { FailureBoard } from './failure-board.js';

/** What opens one client. Transferable to any thread of the process; good for one `connect`. */
export interface ClientPort {
  readonly guest: GuestPort;
  readonly nodes: readonly ClientNode[];
  /** Which nodes are down for good, as `FailureBoard` reads it. Default: none ever is. */
  readonly failures?: SharedArrayBuffer;
  /** Default: see `ClientOptions`. */
  readonly options?: ClientOptions;
}

/**
 * Opens the client of a port in this thread.
 *
 * It does not keep the process alive, except while calls are pending. Rejects with
 * `RAFT_INVALID_OPTION` if the port is none, has been used before, or has wrong options, and with
 * `RAFT_STOPPED` if the cluster has been closed meanwhile.
 */
export async function connect(clientPort: ClientPort): Promise<Client> {
  const { guest: port, nodes, failures, options } = checkPort(clientPort);
  const ids = nodes.map(({ id }) => id);
  let client: Client | undefined;
  const guest = openGuest(port, (context) => {
    const opened = new Client({
      room: context,
      nodes,
      ...(failures ? { failures: new FailureBoard(failures, ids) } : {}),
      options: options ?? {},
      leave: () => guest.close(),
    });
    client = opened;
    return {
      turn: () => opened.turn(),
      peerDown: () => opened.peerDown(),
      // The other side may be the one that ends it: calls settle all the same.
      close: () => opened.stop(),
    };
  });
  if (client === undefined)
    throw new RaftError('RAFT_BROKEN_INVARIANT', 'the guest has no behavior');
  return client;
}

function checkPort(port: ClientPort): ClientPort {
  if (typeof port?.guest === 'object' && Array.isArray(port.nodes)) return port;
  throw new RaftError('RAFT_INVALID_OPTION', 'the port is not what cluster.port() resolves to', {
    details: { option: 'port' },
  });
}
