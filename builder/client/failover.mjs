// The failover client for Node.js 18 and later: one request, whichever region can answer it.
//
//     import { FailoverClient } from "./failover.mjs";
//
//     const client = new FailoverClient([
//       { name: "us-east-1", url: process.env.PRIMARY_URL }, // the order is the order of preference
//       { name: "us-west-2", url: process.env.SECONDARY_URL },
//     ]);
//     const answer = await client.request("PUT", "/orders/7", { body: "{}" });
//
// One file without dependencies, to be copied into an application. It decides as builder.client does for Python, and
// one table of tests holds both. How it decides is in docs/client.md. Times are seconds.

import { createHash, createHmac } from "node:crypto";
import dns from "node:dns";
import http from "node:http";
import net from "node:net";
import { performance } from "node:perf_hooks";
import tls from "node:tls";

/** Why a region gave no answer. */
export const Trouble = Object.freeze({
  /** Nothing of the request was sent, so it is safe to send elsewhere whatever it does. */
  NOT_SENT: "no connection",
  TIMED_OUT: "no answer in time",
  BROKEN_OFF: "connection broken off",
  /** A write was not sent, because other clients could not be told to stay in the region. */
  NOT_HELD: "the hold could not be kept there",
});

const LIMITS = Object.freeze({
  deadlineS: 10, // for a request in all regions together, unless it has one of its own
  attemptS: 2, // for one region: its name resolved, every address tried, body included
  failuresToOpen: 3,
  openS: 5,
  probesToClose: 2,
  holdS: 3, // how old the answer of a hold may be
});
const IDEMPOTENT = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]);
const READS = new Set(["GET", "HEAD", "OPTIONS"]);
const THROTTLED = new Set(["TooManyRequestsException", "ThrottlingException"]);
const TROUBLES = new Set(Object.values(Trouble));
const LEAST_S = 0.001;
const STAGGER_S = 0.25; // Source: RFC 8305, section 5, Connection Attempt Delay
const KEPT_S = 60; // what is between may have forgotten an idle connection later
const LOOKUP_S = 5; // a lookup that takes longer is not waited for alone
const PORTS = { "http:": 80, "https:": 443 };

/** No region answered well: `attempts` says what was tried, `mayHaveHappened` whether it was carried out even so. */
export class Unavailable extends Error {
  constructor(attempts, why = "none was asked") {
    const told = attempts.map(({ region, outcome }) => `${region}: ${outcome}`).join(", ");
    super(`no region answered in time (${told || why})`);
    this.name = "Unavailable";
    this.attempts = attempts;
    this.mayHaveHappened = attempts.some((attempt) => attempt.mayHaveHappened);
  }
}

// --- A region's circuit: what its past says about asking it again -----------------------------------------------

const CLOSED = Object.freeze({ state: "closed", failures: 0 });
const open = (until) => ({ state: "open", until });
const halfOpen = (good, probing = false) => ({ state: "half-open", good, probing });

const isDue = (circuit, now) =>
  circuit.state === "open" ? now >= circuit.until : circuit.state === "half-open" && !circuit.probing;

const afterNothing = (circuit) => (circuit.state === "half-open" ? halfOpen(circuit.good) : circuit);

function afterSuccess(circuit, limits) {
  if (circuit.state === "closed") return CLOSED;
  const good = circuit.state === "open" ? 1 : circuit.good + 1;
  return good >= limits.probesToClose ? CLOSED : halfOpen(good);
}

function afterFailure(circuit, limits, now) {
  if (circuit.state === "open") return circuit;
  if (circuit.state === "half-open") return open(now + limits.openS);
  const failures = circuit.failures + 1;
  return failures < limits.failuresToOpen ? { state: "closed", failures } : open(now + limits.openS);
}

// --- The client -------------------------------------------------------------------------------------------------

/**
 * Asks the first region that is not known to be in trouble; the order given is the order of preference.
 *
 * `credentials` ({accessKeyId, secretAccessKey, sessionToken}, or a function that returns or promises them) sign for
 * URLs with AuthType AWS_IAM. `endpoint` is where to connect in place of the URLs' own hosts: the embedded AWS. `hold`
 * makes failback a decision (`replicatedHold`). `health` is what a region is asked where a request is not to be its
 * probe. `onAttempt` is called after each attempt and each probe.
 */
export class FailoverClient {
  constructor(regions, options = {}) {
    const { credentials, endpoint, limits, hold, health = "/health", onAttempt, clock } = options;
    this.regions = regions;
    this.limits = { ...LIMITS, ...limits };
    this.clock = clock ?? now;
    this.onAttempt = onAttempt;
    this.wire = new Wire(credentials, endpoint);
    this.health = { method: "GET", target: health, headers: {}, body: undefined };
    this.whereabouts = hold && new Whereabouts(hold, regions, this.limits.holdS, this.clock);
    this.known = new Map(regions.map(({ name }) => [name, CLOSED]));
    this.number = 0;
  }

  /** Return each region's circuit as it stands. */
  circuits() {
    return Object.fromEntries(this.known);
  }

  /** Close the connections that are kept for the next request. */
  close() {
    this.wire.close();
  }

  /**
   * Promise the first answer that is neither 429 nor 5xx, from a region asked at most once: {region, status, headers,
   * body}. `repeatable` says whether another region may be asked after one could have carried the request out already;
   * by default that follows from the method. Rejects with Unavailable.
   */
  async request(method, target, { body, headers = {}, deadlineS = this.limits.deadlineS, repeatable } = {}) {
    const request = { method: method.toUpperCase(), target, headers, body };
    const journey = {
      number: ++this.number,
      request,
      repeatable: repeatable ?? IDEMPOTENT.has(request.method),
      until: this.clock() + deadlineS,
      ahead: [], // the regions it may be sent to and has not been, in order of preference
      at: undefined, // where writes go without a word to anybody
      attempts: [],
      spentS: new Map(), // how long each region was waited for already
      ill: new Set(), // the regions that a probe of the client's own has just found in trouble
    };
    try {
      journey.keys = await this.wire.freeze(deadlineS);
    } catch (error) {
      if (error instanceof Late) throw new Unavailable([], "the credentials were not refreshed in time");
      throw error;
    }
    journey.ahead = await this.#allowed(journey);
    for await (const region of this.#candidates(journey)) {
      const { attempt, answer } = await this.#ask(journey, region);
      if (answer) return answer;
      if (!journey.repeatable && attempt.mayHaveHappened) break;
    }
    throw new Unavailable(journey.attempts);
  }

  // With a hold, from where everybody is downwards, never back up.
  async #allowed(journey) {
    const leftS = journey.until - this.clock();
    if (!this.whereabouts || leftS <= 0) return [...this.regions];
    journey.at = await this.whereabouts.at(Math.min(leftS / (1 + this.regions.length), this.limits.attemptS));
    if (this.at !== undefined && this.at !== journey.at) {
      // Somebody has decided that it is well, and a write that is sent past it would hold everybody elsewhere again.
      this.known.set(journey.at, CLOSED);
    }
    this.at = journey.at;
    return this.regions.slice(this.regions.findIndex(({ name }) => name === journey.at));
  }

  // In time, the regions whose circuit admits the request, then the others: a bad chance beats none.
  async *#candidates(journey) {
    const spared = [];
    for (const region of [...journey.ahead]) {
      if (this.clock() >= journey.until) return;
      journey.ahead.shift();
      if (await this.#isAdmitted(journey, region)) yield region;
      else if (!journey.ill.has(region.name)) spared.push(region);
    }
    const isOpen = ({ name }) => Number(this.known.get(name).state === "open");
    spared.sort((one, other) => isOpen(one) - isOpen(other));
    for (const region of spared) {
      if (this.clock() >= journey.until) return;
      yield region;
    }
  }

  // A request that must not be lost waits for a probe of the client's own.
  async #isAdmitted(journey, region) {
    const circuit = this.known.get(region.name);
    if (circuit.state === "closed") return true;
    if (!isDue(circuit, this.clock())) return false;
    this.known.set(region.name, halfOpen(circuit.state === "open" ? 0 : circuit.good, true));
    if (journey.repeatable) return true;
    while (this.known.get(region.name).state !== "closed") {
      const { answer } = await this.#attempt(journey, region, this.health);
      if (!answer) {
        journey.ill.add(region.name);
        return false;
      }
    }
    return true;
  }

  // Everybody is held in a region before a first write is sent to it.
  async #ask(journey, region) {
    if (!this.whereabouts || READS.has(journey.request.method) || region.name === journey.at) {
      return this.#attempt(journey, region, journey.request);
    }
    const started = this.clock();
    const moved = await this.whereabouts.move(region.name, this.#limit(journey, region).shareS);
    journey.spentS.set(region.name, this.clock() - started);
    if (moved) {
      journey.at = this.at = region.name;
      return this.#attempt(journey, region, journey.request);
    }
    this.#learn(region, Trouble.NOT_HELD);
    return { attempt: this.#told(journey, region, journey.request, started, Trouble.NOT_HELD) };
  }

  // What is left is shared with the regions that are well, so that there is time to ask them.
  #limit(journey, region) {
    const leftS = journey.until - this.clock();
    const others = journey.ahead.filter(({ name }) => this.known.get(name).state === "closed").length;
    const spentS = journey.spentS.get(region.name) ?? 0;
    const mostS = Math.max(LEAST_S, Math.min(leftS, this.limits.attemptS - spentS));
    return { mostS, shareS: Math.max(LEAST_S, Math.min(mostS, leftS / (1 + others))) };
  }

  async #attempt(journey, region, request) {
    const { mostS, shareS } = this.#limit(journey, region);
    // What may not be sent again gains nothing by giving up after it was sent.
    const isLast = request === journey.request && !journey.repeatable;
    const started = this.clock();
    let came;
    try {
      came = await this.wire.send(region, request, isLast ? mostS : shareS, shareS, journey.keys);
    } finally {
      this.#learn(region, came);
      journey.spentS.set(region.name, (journey.spentS.get(region.name) ?? 0) + this.clock() - started);
    }
    const attempt = this.#told(journey, region, request, started, came);
    return { attempt, answer: isFailure(came) ? undefined : came };
  }

  #told(journey, region, request, started, came) {
    const attempt = {
      request: journey.number,
      region: region.name,
      method: request.method,
      path: request.target.split("?")[0],
      started,
      durationS: this.clock() - started,
      outcome: came.status ?? came,
      // A probe of the client's own asks for nothing that could.
      mayHaveHappened: request === journey.request && mayHaveHappened(came),
    };
    journey.attempts.push(attempt);
    this.onAttempt?.(attempt);
    return attempt;
  }

  #learn(region, came) {
    const circuit = this.known.get(region.name);
    if (came === undefined) this.known.set(region.name, afterNothing(circuit));
    else if (isFailure(came)) this.known.set(region.name, afterFailure(circuit, this.limits, this.clock()));
    else this.known.set(region.name, afterSuccess(circuit, this.limits));
  }
}

const now = () => performance.now() / 1000;
const isFailure = (came) => TROUBLES.has(came) || came.status === 429 || came.status >= 500;

// Not where nothing was sent, nor where Lambda itself throttled it; any other 429 is somebody else's word.
function mayHaveHappened(came) {
  if (TROUBLES.has(came)) return came !== Trouble.NOT_SENT && came !== Trouble.NOT_HELD;
  const error = (came.headers["x-amzn-errortype"] ?? "").split(":")[0].split("#").pop().trim();
  return came.status !== 429 || !THROTTLED.has(error);
}

// --- Failback as a decision -------------------------------------------------------------------------------------

/**
 * Return a hold kept as an item of the application's own replicated table, by the application's own URLs.
 *
 * A hold is any function of this shape. Called without a region, it promises the one where everybody has to stay, null
 * where everybody may prefer the first. Called with a region, before the first write is sent there, it keeps everybody
 * there from now on. It rejects where it does not know. `hold.release(at)` lets everybody go back.
 */
export function replicatedHold(regions, options = {}) {
  const { credentials, endpoint, target = "/items/failover-hold", limitS = 1 } = options;
  const wire = new Wire(credentials, endpoint);
  const named = (name) => {
    const region = regions.find((one) => one.name === name);
    if (!region) throw new Error(`${name} is none of the client's regions`);
    return region;
  };
  const send = async (region, method, body) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    return wire.send(region, { method, target, headers, body }, limitS, limitS, await wire.freeze(limitS));
  };
  const held = (answer) => {
    const { region } = JSON.parse(answer.body);
    return region === null ? null : named(region).name;
  };
  // The regions fallen over to first: what is written there has reached the preferred one later, or not yet. The
  // preferred one is believed only where it says that there is a hold.
  const read = async () => {
    const [preferred, ...others] = regions;
    const unread = [];
    for (const region of others.reverse()) {
      const came = await send(region, "GET");
      if (came.status === 200) return held(came);
      if (came.status !== 404) unread.push(`${region.name}: ${came.status ?? came}`);
    }
    if (!unread.length) return null;
    const came = await send(preferred, "GET");
    if (came.status === 200) return held(came);
    throw new Error(unread.join(", "));
  };
  const write = async (at, method, body) => {
    const came = await send(named(at), method, body);
    if (!(came.status < 300)) throw new Error(`${at}: ${came.status ?? came}`);
    return at;
  };
  const hold = (to) => (to === undefined ? read() : write(to, "PUT", JSON.stringify({ region: to })));
  hold.release = (at) => write(at, "DELETE");
  return hold;
}

class Whereabouts {
  constructor(hold, regions, holdS, clock) {
    Object.assign(this, { hold, holdS, clock, names: regions.map(({ name }) => name), moves: 0 });
    this.region = this.names[0];
  }

  // The region to ask, known no longer than holdS ago; where that cannot be had in time, the last known.
  async at(limitS) {
    const ageS = this.asked === undefined ? Infinity : this.clock() - this.asked;
    if (ageS >= this.holdS / 2) {
      // Early enough, so that a busy client never waits for it.
      this.asking ??= this.#ask().finally(() => (this.asking = undefined));
      const asked = this.asking.catch(() => {});
      if (ageS >= this.holdS) {
        await within(asked, limitS).catch(() => {});
        this.asked = this.clock();
      }
    }
    return this.region;
  }

  async move(to, limitS) {
    const moving = (async () => {
      const held = this.#checked(await this.hold(to));
      this.moves += 1;
      this.region = held ?? this.names[0];
      this.asked = this.clock();
      return held === null || held === to;
    })();
    return within(moving, limitS).catch(() => false);
  }

  async #ask() {
    const { moves } = this;
    let held = this.region;
    try {
      held = this.#checked(await this.hold()) ?? this.names[0];
    } finally {
      // An answer from before a move says nothing of it, and none at all that all stay.
      if (moves === this.moves) [this.region, this.asked] = [held, this.clock()];
    }
  }

  #checked(held = null) {
    if (held !== null && !this.names.includes(held)) throw new Error(`${held} is none of the client's regions`);
    return held;
  }
}

// --- HTTP with a clock ------------------------------------------------------------------------------------------

class Late extends Error {}

function within(promise, limitS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Late("no answer in time")), limitS * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Wire {
  constructor(credentials, endpoint) {
    this.credentials = credentials;
    this.endpoint = endpoint;
    this.agents = {};
    for (const scheme of Object.keys(PORTS)) {
      const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 64, timeout: KEPT_S * 1000 });
      agent.createConnection = ({ peer }, callback) => {
        connect(peer).then((socket) => callback(null, socket), callback);
      };
      this.agents[scheme] = agent;
    }
  }

  close() {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  // Rejects with Late where a refresh takes longer.
  async freeze(limitS) {
    if (typeof this.credentials !== "function") return this.credentials;
    return within(Promise.resolve().then(this.credentials), limitS);
  }

  // Promise what the region answered, or why it did not. The limit is of all together: the name resolved, every
  // address tried, TLS, headers and body, however they drip; connectS of what comes before anything is sent.
  async send(region, { method, target, headers, body }, limitS, connectS, keys) {
    const path = encodeURI(target).replace(/%25/g, "%").replace(/#/g, "%23");
    const own = new URL(region.url);
    const to = this.endpoint === undefined ? own : new URL(this.endpoint);
    // Not by URL's own rules, which take /items/.. for /.
    const under = (base) => base.pathname.replace(/\/+$/, "") + path;
    const payload = body === undefined ? Buffer.alloc(0) : Buffer.from(body);
    const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    let sent = { "user-agent": "builder.client", ...Object.fromEntries(given), host: own.host };
    if (keys) sent = { ...sent, ...sign(keys, region.name, { method, target: under(own), headers: sent, payload }) };
    // Node says no length of a GET's body, which the other end would take for the next request.
    if (payload.length) sent = { ...sent, "content-length": payload.length };
    const cancel = new AbortController();
    const peer = {
      secure: to.protocol === "https:",
      host: to.hostname.replace(/^\[|\]$/g, ""),
      port: Number(to.port) || PORTS[to.protocol],
      signal: cancel.signal,
      connectS,
    };
    return new Promise((resolve) => {
      const request = http.request({
        agent: this.agents[to.protocol],
        peer,
        host: peer.host,
        port: peer.port,
        method,
        path: under(to),
        headers: sent,
      });
      const timers = [];
      let isSent = false;
      const finish = (came) => {
        timers.forEach(clearTimeout);
        resolve(came);
      };
      const give = (came) => {
        finish(came);
        cancel.abort();
        request.destroy();
      };
      timers.push(setTimeout(() => give(isSent ? Trouble.TIMED_OUT : Trouble.NOT_SENT), limitS * 1000));
      if (connectS < limitS) timers.push(setTimeout(() => isSent || give(Trouble.NOT_SENT), connectS * 1000));
      // The agent hands over sockets that are connected already.
      request.on("socket", () => (isSent = true));
      request.on("error", () => give(isSent ? Trouble.BROKEN_OFF : Trouble.NOT_SENT));
      request.on("response", (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", () => give(Trouble.BROKEN_OFF));
        response.on("close", () => response.complete || give(Trouble.BROKEN_OFF));
        response.on("end", () => {
          if (!response.complete) return;
          const { statusCode: status, rawHeaders } = response;
          finish({ region: region.name, status, headers: merged(rawHeaders), body: Buffer.concat(parts) });
        });
      });
      request.end(payload.length ? payload : undefined);
    });
  }
}

function merged(rawHeaders) {
  const headers = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at].toLowerCase();
    headers[name] = name in headers ? `${headers[name]}, ${rawHeaders[at + 1]}` : rawHeaders[at + 1];
  }
  return headers;
}

// A lookup cannot be interrupted and takes one of Node's few threads: one at a time for a name, whoever asks, and
// another only where that one seems to hang for good.
const lookups = new Map();

function resolveName(host) {
  const running = lookups.get(host) ?? [];
  if (!running.length || (running.length < 2 && now() >= running[0].began + LOOKUP_S)) {
    const promise = new Promise((resolve, reject) => {
      dns.lookup(host, { all: true, verbatim: true }, (error, found) => (error ? reject(error) : resolve(found)));
    });
    const lookup = { promise, began: now() };
    running.unshift(lookup);
    lookups.set(host, running);
    const end = () => {
      running.splice(running.indexOf(lookup), 1);
      if (!running.length) lookups.delete(host);
    };
    promise.then(end, end);
  }
  return Promise.any(running.map(({ promise }) => promise));
}

async function connect({ host, port, secure, signal, connectS }) {
  const family = net.isIP(host);
  const aborted = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Late("given up")), { once: true });
  });
  aborted.catch(() => {});
  const addresses = family
    ? [{ address: host, family }]
    : inTurn(await Promise.race([resolveName(host), aborted]));
  const begun = new Set();
  const give = () => begun.forEach((socket) => socket.destroy());
  signal.addEventListener("abort", give, { once: true });
  if (signal.aborted) throw new Late("given up");
  const socket = await first(addresses, { port, signal, connectS }, begun).finally(() => {
    signal.removeEventListener("abort", give);
  });
  if (!secure) return socket;
  const servername = family ? "" : host;
  const secured = tls.connect({ socket, host, servername, ALPNProtocols: ["http/1.1"] });
  try {
    const ready = new Promise((resolve, reject) => {
      secured.once("secureConnect", resolve);
      secured.once("error", reject);
      secured.once("close", () => reject(new Error("hung up")));
    });
    await Promise.race([ready, aborted]);
  } catch (error) {
    secured.on("error", () => {});
    secured.destroy();
    throw error;
  }
  return secured;
}

// Promise a socket connected to the first address that answers. Each is tried soon after the one before it, and all
// tried are waited for: one that swallows everything costs a fraction of a second. Source: RFC 8305
function first(addresses, { port, signal, connectS }, begun) {
  const staggerS = Math.min(STAGGER_S, connectS / (2 * Math.max(1, addresses.length)));
  const untried = [...addresses];
  let failure = new Error("no address");
  let timer;
  return new Promise((resolve, reject) => {
    const next = () => {
      clearTimeout(timer);
      if (signal.aborted || !untried.length) {
        if (!begun.size) reject(failure);
        return;
      }
      const { address, family } = untried.shift();
      const socket = net.connect({ host: address, port, family, noDelay: true });
      begun.add(socket);
      socket.once("connect", () => {
        clearTimeout(timer);
        begun.delete(socket);
        begun.forEach((other) => other.destroy());
        untried.length = 0;
        resolve(socket);
      });
      socket.once("error", (error) => (failure = error));
      socket.once("close", () => {
        begun.delete(socket);
        next();
      });
      if (untried.length) timer = setTimeout(next, staggerS * 1000);
    };
    next();
  });
}

// The families in turn, beginning with the first one's.
function inTurn(addresses) {
  const ours = addresses.filter(({ family }) => family === addresses[0].family);
  const others = addresses.filter(({ family }) => family !== addresses[0].family);
  return ours.flatMap((one, at) => (at < others.length ? [one, others[at]] : [one])).concat(others.slice(ours.length));
}

// --- Signature Version 4 ----------------------------------------------------------------------------------------

const UNSIGNED = new Set(["expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"]);
const sha256 = (data) => createHash("sha256").update(data).digest("hex");
const hmac = (key, data) => createHmac("sha256", key).update(data).digest();

/**
 * Return the headers that sign a request to a function URL.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function sign(keys, region, { method, target, headers, payload }, at = new Date()) {
  const time = at.toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/lambda/aws4_request`;
  const added = { "x-amz-date": time };
  if (keys.sessionToken) added["x-amz-security-token"] = keys.sessionToken;
  const signed = Object.entries({ ...headers, ...added })
    .filter(([name]) => !UNSIGNED.has(name))
    .map(([name, value]) => [name, String(value).trim().replace(/\s+/g, " ")])
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const [path, query = ""] = target.split(/\?(.*)/s);
  const canonical = [
    method,
    canonicalPath(path),
    canonicalQuery(query),
    ...signed.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    sha256(payload),
  ].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const key = scope.split("/").reduce((made, part) => hmac(made, part), `AWS4${keys.secretAccessKey}`);
  const signature = createHmac("sha256", key).update(text).digest("hex");
  const credential = `${keys.accessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...added, authorization };
}

// Without dot segments, and encoded once more than it is sent, as every service but S3 wants it.
function canonicalPath(path) {
  const kept = [];
  for (const part of path.split("/")) {
    if (part === "..") kept.pop();
    else if (part && part !== ".") kept.push(part);
  }
  const plain = `/${kept.join("/")}${kept.length && path.endsWith("/") ? "/" : ""}`;
  const encoded = encodeURIComponent(plain).replace(/%2F/g, "/");
  return encoded.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function canonicalQuery(query) {
  const pairs = query
    .split("&")
    .filter(Boolean)
    .map((pair) => [pair.split("=")[0], pair.split("=").slice(1).join("=")]);
  const before = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  pairs.sort(([one, value], [other, another]) => before(one, other) || before(value, another));
  return pairs.map((pair) => pair.join("=")).join("&");
}
