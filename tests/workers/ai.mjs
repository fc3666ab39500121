// `env.AI` for a Python Worker in Node. It does what workerd's public source does (`ai-api.ts` of
// 2026-08): inputs and options go out as one JSON text, the options stay in the binding while the
// answer is waited for, and without `returnRawResponse` an answer is parsed, or thrown.
//
// What answers is either a script of replies, or the local server's REST API.

const PIECE = 7; // bytes: pieces respect neither events nor characters

class InferenceUpstreamError extends Error {
  constructor(message, name = "InferenceUpstreamError") {
    super(message);
    this.name = name;
  }
}

class Ai {
  #options = {};
  #upstream;

  constructor(upstream) {
    this.#upstream = upstream;
  }

  async run(model, inputs, options = {}) {
    this.#options = options;
    const { prefix, extraHeaders, sessionOptions, signal, ...sent } = options;
    const body = JSON.stringify({ inputs, options: sent });
    const response = await this.#upstream.run(model, body, { ...extraHeaders }, signal);
    if (this.#options.returnRawResponse) return response;
    if (!response.ok || !response.body) throw await failure(response);
    const isJSON = response.headers.get("content-type") === "application/json";
    return isJSON ? await response.json() : response.body;
  }

  async models(params = {}) {
    return this.#upstream.models(params);
  }
}

async function failure(response) {
  const text = await response.text();
  try {
    const found = JSON.parse(text);
    if (found.internalCode) {
      return new InferenceUpstreamError(`${found.internalCode}: ${found.description}`, found.name);
    }
    const [first] = found.errors;
    return new InferenceUpstreamError(`${first.code}: ${first.message}`);
  } catch {
    return new InferenceUpstreamError(text);
  }
}

// ------------------------------------------------------------------------------ scripted replies

const seen = { bodies: [], cancelled: 0, aborted: 0 };

function streamOf(bytes, { hangs }) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) {
        controller.enqueue(bytes.slice(at, (at += PIECE)));
      } else if (hangs) {
        return new Promise(() => {});
      } else {
        controller.close();
      }
    },
    cancel() {
      seen.cancelled += 1;
    },
  });
}

function scripted(reply) {
  return {
    async run(model, body, headers, signal) {
      seen.bodies.push(body);
      signal?.addEventListener("abort", () => (seen.aborted += 1));
      if (reply.throws) throw new InferenceUpstreamError(reply.throws.message, reply.throws.name);
      if (reply.never) return new Promise(() => {});
      const bytes = Uint8Array.from(Buffer.from(reply.body, "base64"));
      const content = bytes.length || reply.hangs ? streamOf(bytes, reply) : null;
      return new Response(content, { status: reply.status, headers: reply.headers });
    },
  };
}

// ------------------------------------------------------------------------------ the local server

function served(url, token) {
  const authorization = `Bearer ${token}`;
  return {
    async run(model, body, headers, signal) {
      const { inputs, options } = JSON.parse(body);
      const { returnRawResponse, queueRequest, gateway, ...rest } = options;
      const query = queueRequest ? "?queueRequest=true" : "";
      const sent = Object.keys(rest).length ? { ...inputs, options: rest } : inputs;
      const asked = { ...headers, authorization, "content-type": "application/json" };
      if (gateway) asked["cf-aig-gateway-id"] = gateway.id;
      return fetch(`${url}/run/${model}${query}`, {
        method: "POST", headers: asked, body: JSON.stringify(sent), signal,
      });
    },
    async models(params) {
      const query = new URLSearchParams(params);
      const response = await fetch(`${url}/models/search?${query}`, { headers: { authorization } });
      return (await response.json()).result;
    },
  };
}

// What Python calls, by `import workers_test`.
export const workersTest = {
  scripted: (reply) => new Ai(scripted(JSON.parse(reply))),
  served: (url, token) => new Ai(served(url, token)),
  plainly: (ai, model) => ai.run(model, { messages: [] }),
  seen: () => JSON.stringify(seen),
  forget() {
    seen.bodies = [];
    seen.cancelled = seen.aborted = 0;
  },
};
