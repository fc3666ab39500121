// Asks the binding what the engine of `workersai` relies on, and answers with what it found.

const RAW = { returnRawResponse: true };

const questions = {
  raw_json: () => typeof JSON.rawJSON,

  async sent(ai) {
    const inputs = { n: JSON.rawJSON("9007199254740993"), nothing: null };
    const response = await ai.run("echo", inputs, {
      ...RAW,
      rejectIfBusy: true,
      queueRequest: true,
      gateway: { id: "mine", skipCache: true },
      extraHeaders: { "x-session-affinity": "talk", "idempotency-key": "key" },
      signal: new AbortController().signal,
    });
    const headers = Object.fromEntries(response.headers);
    return { kind: response.constructor.name, headers, ...(await response.json()) };
  },

  async refused(ai) {
    const response = await ai.run("refused", {}, RAW);
    return { status: response.status, ...(await response.json()) };
  },

  refused_without_raw: (ai) => ai.run("refused", {}),

  async beside_another_call(ai) {
    const ours = ai.run("slow", {}, RAW);
    const theirs = ai.run("slow", {});
    return [(await ours).constructor.name, (await theirs).constructor.name];
  },

  async aborted(ai) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    return (await ai.run("silent", {}, { ...RAW, signal: controller.signal })).status;
  },

  async cancelled(ai) {
    const controller = new AbortController();
    const response = await ai.run("events", {}, { ...RAW, signal: controller.signal });
    const reader = response.body.getReader();
    const { value } = await reader.read();
    const cancelling = reader.cancel();
    controller.abort();
    await cancelling;
    return [value.constructor.name, (await reader.read()).done];
  },

  models: (ai) => ai.models({ search: "granite" }),
};

export default {
  async fetch(request, env) {
    const found = { binding: env.AI.constructor.name };
    for (const [name, ask] of Object.entries(questions)) {
      try {
        found[name] = await ask(env.AI);
      } catch (error) {
        found[name] = `${error.name}: ${error.message}`;
      }
    }
    return Response.json(found);
  },
};
