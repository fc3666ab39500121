# The AI binding of the open-source runtime, `env.AI`, with a stand-in for the service behind it.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [ (name = "main", worker = .main), (name = "upstream", worker = .upstream) ],
  sockets = [ (name = "http", address = "127.0.0.1:0", http = (), service = "main") ]
);

const main :Workerd.Worker = (
  modules = [ (name = "main.mjs", esModule = embed "main.mjs") ],
  compatibilityDate = "2026-11-01",
  bindings = [
    (name = "AI", wrapped = (
      moduleName = "cloudflare-internal:ai-api",
      innerBindings = [ (name = "fetcher", service = "upstream") ]
    ))
  ]
);

const upstream :Workerd.Worker = (
  modules = [ (name = "upstream.mjs", esModule = embed "upstream.mjs") ],
  compatibilityDate = "2026-11-01"
);
