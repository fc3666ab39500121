// Runs `inside.py` in Pyodide: node run.mjs REPOSITORY SITE [BASE_URL ACCOUNT TOKEN]
import { performance } from "node:perf_hooks";
import { loadPyodide } from "pyodide";
import { workersTest } from "./ai.mjs";

const [repository, site, ...where] = process.argv.slice(2);
const unhandled = [];
process.on("unhandledRejection", (error) => unhandled.push(String(error)));

const began = performance.now();
const pyodide = await loadPyodide({ stdout: (text) => process.stderr.write(`${text}\n`) });
pyodide.mountNodeFS("/repository", repository);
pyodide.mountNodeFS("/site", site);
pyodide.registerJsModule("workers_test", workersTest);
const loaded = performance.now() - began;

// Pyodide's own tests look at these two for proxies that nobody destroyed.
pyodide._module.enable_pyproxy_allocation_tracing();
const alive = () => pyodide._module.pyproxy_alloc_map.size;
pyodide.globals.set("where", pyodide.toPy(where));
pyodide.runPython("import sys; sys.path[:0] = ['/repository', '/site']");
await pyodide.runPythonAsync("pass"); // it keeps a proxy of its own
const before = alive();
const code = "from tests.workers import inside\nawait inside.main(*where)";
const report = JSON.parse(await pyodide.runPythonAsync(code));
const proxies = alive() - before;
process.stdout.write(JSON.stringify({ ...report, loaded, proxies, unhandled }));
process.exit(0);
