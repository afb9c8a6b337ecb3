"use strict";
// Answers a Lambda function URL from the DynamoDB global table of its own region: the twin of
// lambda/python, held to the same tests.
//
// An object is kept as the text it came in, since DynamoDB's own types would lose digits and depth.
// Items live under item# and heartbeats under heartbeat#, so no id reaches the other kind.

const { randomUUID } = require("node:crypto");
const {
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} = require("@aws-sdk/client-dynamodb");

const { AWS_REGION: REGION, ROLE, TABLE_NAME: TABLE } = process.env;
const REGIONS = process.env.REGIONS.split(",");

const MAX_KEY = 2048; // bytes, as DynamoDB has it
const MAX_BODY = 400 * 1024 - MAX_KEY - 64; // an item less the longest key and the stamps
const MAX_DEPTH = 500; // levels, which the parser of any runtime reads without running out of stack

// The second attempt outlives a stale connection; a lost DynamoDB is still told within seconds.
const DYNAMODB = new DynamoDBClient({
  region: REGION,
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 2000, throwOnRequestTimeout: true },
});
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A request to answer with an error: status, sentence, headers if any. */
class Refused extends Error {
  constructor(status, sentence, headers) {
    super(sentence);
    Object.assign(this, { status, headers });
  }
}

/** A call that DynamoDB refused, failed or never answered. */
class OutOfReach extends Error {}

/** Returns a response of payload format 2.0; text is JSON already. */
function answer(status, body, headers) {
  return {
    statusCode: status,
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  };
}

/** Sends one command; whatever the SDK throws means that the table can't be used now. */
async function ask(Command, input) {
  try {
    return await DYNAMODB.send(new Command({ TableName: TABLE, ...input }));
  } catch (cause) {
    throw new OutOfReach("DynamoDB", { cause });
  }
}

/** Returns the attributes under a key, {} for none; a region sees its own writes at once. */
async function read(key) {
  const found = await ask(GetItemCommand, { Key: { id: { S: key } }, ConsistentRead: true });
  return Object.fromEntries(Object.entries(found.Item ?? {}).map(([name, { S }]) => [name, S]));
}

/** Writes the body under a key, with region and time, and returns whether the key is new. */
async function write(key, body) {
  const entry = { id: key, body, region: REGION, time: new Date().toISOString() };
  const item = Object.fromEntries(Object.entries(entry).map(([name, S]) => [name, { S }]));
  return !(await ask(PutItemCommand, { Item: item, ReturnValues: "ALL_OLD" })).Attributes;
}

/** Returns the key for all that follows /items/, which a function URL leaves percent-encoded. */
function itemKey(event) {
  let key = event.rawPath.replace("/items/", "item#");
  try {
    key = key.replace(/(?:%[0-9a-f]{2})+/gi, decodeURIComponent);
  } catch {
    throw new Refused(400, "The id is not UTF-8.");
  }
  if (!key.isWellFormed()) throw new Refused(400, "The id is not UTF-8.");
  if (key === "item#" || Buffer.byteLength(key) > MAX_KEY) {
    throw new Refused(400, `An id has 1 to ${MAX_KEY - "item#".length} bytes.`);
  }
  return key;
}

/** Returns the body's bytes, or none where there is no text, or base64 or half a pair would lose some. */
function bodyBytes({ body, isBase64Encoded }) {
  if (typeof body !== "string") return Buffer.alloc(0);
  const coded = isBase64Encoded === true;
  const bytes = Buffer.from(body, coded ? "base64" : "utf8");
  const whole = coded ? bytes.toString("base64") === body : body.isWellFormed();
  return whole ? bytes : Buffer.alloc(0);
}

/** Returns the body as it came, once it is known to be a JSON object. */
function bodyObject(event) {
  const bytes = bodyBytes(event);
  if (bytes.length > MAX_BODY) throw new Refused(413, `An object has ${MAX_BODY} bytes at most.`);
  try {
    const text = UTF8.decode(bytes);
    refuseDeep(text);
    JSON.parse(text);
    if (text.trimStart().startsWith("{")) return text;
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(400, "The body is not JSON in UTF-8.");
  }
  throw new Refused(400, "The body is not a JSON object.");
}

/** Counts what is left without strings, and without all between: brackets. */
function refuseDeep(text) {
  let depth = 0;
  for (const one of text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"?|[^[\]{}"]+/gs, "")) {
    depth += "[{".includes(one) ? 1 : -1;
    if (depth > MAX_DEPTH) throw new Refused(400, `An object has ${MAX_DEPTH} levels at most.`);
  }
}

/** Writes this region's heartbeat and shows all: one call proves write and replication. */
async function showRegions() {
  await write(`heartbeat#${REGION}`, "{}");
  const now = Date.now();
  const heartbeats = {};
  for (const region of REGIONS) {
    const { time } = await read(`heartbeat#${region}`);
    const age = Math.max(0, now - Date.parse(time)) / 1000;
    heartbeats[region] = time ? { time, age_seconds: age } : null;
  }
  return answer(200, { region: REGION, role: ROLE, table: TABLE, heartbeats });
}

/** Reads once from the table and writes nothing. */
async function showHealth() {
  await read(`heartbeat#${REGION}`);
  return answer(200, { status: "ok", region: REGION, role: ROLE });
}

/** Keeps an object under an id made here. */
async function createItem(event) {
  const id = randomUUID();
  await write(`item#${id}`, bodyObject(event));
  return answer(201, { id }, { location: `/items/${id}` });
}

/** Keeps an object under the caller's id: 201 for a new one, 200 for one replaced. */
async function putItem(event) {
  const key = itemKey(event);
  const body = bodyObject(event);
  return answer((await write(key, body)) ? 201 : 200, body);
}

/** Shows an object just as it was put, with where and when it was written in headers. */
async function getItem(event) {
  const { body, region, time } = await read(itemKey(event));
  if (!body) throw new Refused(404, "There is no such item.");
  return answer(200, body, { "x-written-by": region, "x-written-at": time });
}

/** Deletes an object, or finds it gone already. */
async function deleteItem(event) {
  await ask(DeleteItemCommand, { Key: { id: { S: itemKey(event) } } });
  return { statusCode: 204 };
}

const ROUTES = {
  "/": { GET: showRegions },
  "/health": { GET: showHealth },
  "/items": { POST: createItem },
  "/items/": { GET: getItem, PUT: putItem, DELETE: deleteItem }, // and all below
};

/** Calls what the path and method ask for; HEAD is no method of any path. */
function route(event) {
  const { method } = event.requestContext.http;
  if (typeof event.rawPath !== "string" || typeof method !== "string") {
    throw new TypeError("The event is no request.");
  }
  const path = event.rawPath.startsWith("/items/") ? "/items/" : event.rawPath;
  if (!Object.hasOwn(ROUTES, path)) throw new Refused(404, "There is no such path.");
  if (!Object.hasOwn(ROUTES[path], method)) {
    const allow = Object.keys(ROUTES[path]).join(", ");
    throw new Refused(405, "The path has no such method.", { allow });
  }
  return ROUTES[path][method](event);
}

/** Tells the log in one line what went wrong, and the caller no more than whether to wait. */
function failed(error) {
  console.error(JSON.stringify(String((error.cause ?? error).stack)));
  return error instanceof OutOfReach
    ? answer(503, { error: "The table is out of reach now." }, { "retry-after": "1" })
    : answer(500, { error: "Something went wrong here." });
}

/** Answers one request, whatever happens. */
exports.handler = async (event) => {
  try {
    return await route(event);
  } catch (error) {
    if (!(error instanceof Refused)) return failed(error);
    return answer(error.status, { error: error.message }, error.headers);
  }
};
