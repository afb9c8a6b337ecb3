// Speaks the Node.js client's part in the tests that hold both: a line of JSON in, a line out, in any order.
import dns from "node:dns";
import readline from "node:readline";

import { FailoverClient, Unavailable, replicatedHold, sign } from "../../builder/client/failover.mjs";

const clients = new Map();
const names = new Map();
const lookUp = dns.lookup;
dns.lookup = (host, options, callback) => {
  if (!names.has(host)) return lookUp(host, options, callback);
  const entries = names.get(host);
  if (entries !== "hangs") process.nextTick(callback, null, entries);
};

const tell = (reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

const verbs = {
  make({ client, regions, clock, hold, onHold, credentials, ...options }) {
    if (clock) options.clock = () => clients.get(client).now;
    if (hold) options.hold = replicatedHold(regions, { endpoint: options.endpoint, ...hold });
    if (credentials === "hang") options.credentials = () => new Promise(() => {});
    else if (credentials) options.credentials = credentials;
    const made = { now: 0, attempts: [] };
    made.client = new FailoverClient(regions, { ...options, onAttempt: (attempt) => made.attempts.push(attempt) });
    clients.set(client, made);
  },
  async request({ client, now, method, target, ...options }) {
    const made = clients.get(client);
    made.now = now;
    const before = made.attempts.length;
    const began = performance.now();
    try {
      if (options.body) options.body = Buffer.from(options.body, "latin1");
      const answer = await made.client.request(method, target, options);
      return { answer: { ...answer, body: answer.body.toString("latin1") }, ...since(made, before, began) };
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const { message, mayHaveHappened, attempts } = error;
      return { unavailable: message, mayHaveHappened, raised: attempts, ...since(made, before, began) };
    }
  },
  circuits: ({ client }) => clients.get(client).client.circuits(),
  name: ({ host, addresses }) => void names.set(host, addresses),
  sign: ({ keys, region, request, at }) =>
    sign(keys, region, { ...request, payload: Buffer.from(request.payload, "latin1") }, new Date(at)),
  release: async ({ regions, at }) => replicatedHold(regions).release(at),
};

function since(made, before, began) {
  return { attempts: made.attempts.slice(before), tookS: (performance.now() - began) / 1000 };
}

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, verb, ...rest } = JSON.parse(line);
  try {
    tell({ id, result: (await verbs[verb](rest)) ?? null });
  } catch (error) {
    tell({ id, failed: String(error?.stack ?? error) });
  }
});
