// Stands in for the service behind the binding: the model's name says what to do.

const ERROR = { internalCode: 5007, description: "No such model", name: "AiError", message: "x" };
const PLAIN = { response: "Hi" };

function events() {
  const { readable, writable } = new TransformStream();
  const writer = writable.getWriter();
  const write = async () => {
    for (let at = 0; at < 500; at++) {
      await writer.write(new TextEncoder().encode('data: {"response":"Hi"}\n\n'));
      await scheduler.wait(20);
    }
  };
  write().catch(() => {}); // whoever reads may leave
  return new Response(readable, { headers: { "content-type": "text/event-stream" } });
}

async function echo(request) {
  const headers = Object.fromEntries(request.headers);
  const sent = { body: await request.text(), url: request.url, headers };
  return Response.json(sent, { headers: { "cf-ray": "ray-1" } });
}

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname.includes("models")) {
      return Response.json({ success: true, result: [{ name: url.search }] });
    }
    switch (request.headers.get("cf-consn-model-id")) {
      case "refused":
        return Response.json(ERROR, { status: 400 });
      case "slow":
        await scheduler.wait(200);
        return Response.json(PLAIN);
      case "silent":
        await scheduler.wait(30_000);
        return Response.json(PLAIN);
      case "events":
        return events();
      default:
        return echo(request);
    }
  },
};
