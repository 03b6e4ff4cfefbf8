// The model at work, beside the page, so that the page stays quick. Messages in:
// {load: true}, and {job, samples} with mono samples at the model's rate. Messages out:
// {loaded: share}, {ready: model}, {job, path, frames, done} and {job, failure}.
import * as ort from "./ort.wasm.bundle.min.mjs";
import { transcribe } from "./recogniser.js";

let session, model, newest = 0;

// The bytes of a file of this folder; `progress` is given the share that has come, 0 to 1.
async function fetched(name, progress = () => {}) {
  const answer = await fetch(new URL(name, import.meta.url), { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${name} could not be loaded (status ${answer.status}).`);
  const size = Number(answer.headers.get("Content-Length")), parts = [];
  let length = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    parts.push(value);
    length += value.length;
    if (size) progress(Math.min(1, length / size));
  }
}

// Some servers unpack a .gz file on its way, others do not: its first bytes tell.
async function unpacked(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function load() {
  model = JSON.parse(new TextDecoder().decode(await fetched("model/model.json")));
  const shares = [0, 0];
  const tell = (k) => (share) => {
    shares[k] = share;
    postMessage({ loaded: (shares[0] + shares[1]) / 2 });
  };
  const [runtime, weights] = await Promise.all([
    fetched("ort-wasm-simd-threaded.wasm.gz", tell(0)),
    fetched("model/model.onnx", tell(1)),
  ]);
  ort.env.wasm.wasmBinary = await unpacked(runtime);
  // More threads need memory that they share, which a browser allows only to an isolated page.
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  session = await ort.InferenceSession.create(weights, { executionProviders: ["wasm"] });
  postMessage({ ready: { ...model, threads: ort.env.wasm.numThreads } });
}

async function logitsOf(values) {
  const input = new ort.Tensor("float32", values, [1, values.length]);
  const { logits } = await session.run({ input_values: input });
  return logits.data;
}

async function work(job, samples) {
  const pause = () => new Promise((resume) => setTimeout(resume)); // lets a newer message in
  const path = await transcribe(samples, model, logitsOf, async (path, frames) => {
    if (path.length < frames) postMessage({ job, path, frames, done: false });
    await pause();
    return job === newest;
  });
  if (job === newest) postMessage({ job, path, frames: path.length, done: true });
}

let queue = Promise.resolve();
onmessage = ({ data: { job, samples } }) => {
  newest = job ?? newest;
  const task = samples ? () => job === newest && work(job, samples) : load;
  queue = queue.then(task).catch((error) => postMessage({ job, failure: error.message }));
};
