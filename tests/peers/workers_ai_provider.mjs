// Cloudflare's own client for TypeScript against a local server: each capability once a model.
//
// Called with the server's API root, account and token; writes one JSON object, keyed by task and
// model, in which a task that failed is {"error": message}.

import { embedMany, generateText, isStepCount, Output, rerank, streamText, tool } from "ai";
import { createWorkersAI } from "workers-ai-provider";
import { z } from "zod";

const [root, accountId, apiKey, ...models] = process.argv.slice(2);
const CLOUDFLARE = "https://api.cloudflare.com/client/v4/";

globalThis.AI_SDK_LOG_WARNINGS = false;

const workersai = createWorkersAI({
  accountId,
  apiKey,
  fetch: (url, options) => {
    if (!String(url).startsWith(CLOUDFLARE)) throw new Error(`a request to ${url}`);
    return fetch(String(url).replace(CLOUDFLARE, `${root}/`), options);
  },
});

// No description on the properties, and one of them without a type: both are what zod writes.
const tools = {
  get_weather: tool({
    description: "Get the current weather in a city.",
    inputSchema: z.object({
      city: z.string(),
      unit: z.union([z.literal("celsius"), z.literal("fahrenheit")]).optional(),
      days: z.number().nullable().optional(),
    }),
    execute: async ({ city }) => `sunny in ${city}`,
  }),
  ping: tool({ inputSchema: z.object({}), execute: async () => "pong" }),
};
const person = z.object({ name: z.string(), age: z.number() });
const weather = { prompt: "What is the weather in Oslo?", tools, stopWhen: isStepCount(2) };
const anna = { prompt: "Anna is 34 years old.", output: Output.object({ schema: person }) };

function told({ text, finishReason, usage, steps }) {
  const calls = steps.flatMap((step) => step.toolCalls.map((call) => [call.toolName, call.input]));
  return { text, finishReason, calls, tokens: usage.totalTokens };
}

async function streamed(settings) {
  const failures = [];
  const stream = streamText({ ...settings, onError: ({ error }) => failures.push(error) });
  const pieces = [];
  for await (const piece of stream.textStream) pieces.push(piece);
  if (failures.length) throw failures[0];
  const [text, finishReason, usage, steps] = await Promise.all(
    [stream.text, stream.finishReason, stream.totalUsage, stream.steps],
  );
  return { ...told({ text, finishReason, usage, steps }), pieces: pieces.length };
}

const TASKS = {
  chat: async (model) => told(await generateText({ model, prompt: "Hi", maxRetries: 0 })),
  stream: async (model) => streamed({ model, prompt: "Hi", maxRetries: 0 }),
  tools: async (model) => told(await generateText({ ...weather, model, maxRetries: 0 })),
  streamed_tools: async (model) => streamed({ ...weather, model, maxRetries: 0 }),
  structured: async (model) => (await generateText({ ...anna, model, maxRetries: 0 })).output,
};

async function tried(task) {
  try {
    return await task();
  } catch (error) {
    return { error: String(error?.message ?? error), body: error?.responseBody };
  }
}

const found = {};
for (const [name, task] of Object.entries(TASKS)) {
  for (const model of models) {
    found[`${name} ${model}`] = await tried(() => task(workersai(model)));
  }
}
found.embeddings = await tried(async () => {
  const model = workersai.textEmbedding("@cf/baai/bge-small-en-v1.5");
  const { embeddings } = await embedMany({ model, values: ["one", "two"], maxRetries: 0 });
  return embeddings.map((vector) => vector.length);
});
found.rerank = await tried(async () => {
  const model = workersai.reranking("@cf/baai/bge-reranker-base");
  const documents = ["A cat sleeps.", "The kiln is hot.", "Rain again."];
  const query = "Is the kiln hot?";
  const { ranking } = await rerank({ model, query, documents, topN: 2, maxRetries: 0 });
  return ranking.map(({ originalIndex }) => originalIndex);
});
console.log(JSON.stringify(found));
