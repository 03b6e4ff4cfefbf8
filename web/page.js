// The page: what the buttons do, and what is shown. The recogniser works in worker.js.
import { collapse, textOf, wordErrors, words } from "./recogniser.js";
import { decode, resample, spectrogram, wav } from "./sound.js";

const LONGEST_RECORDING = 300, LONGEST_FILE = 1800; // seconds
const LARGEST_FILE = 200e6; // bytes
const $ = (id) => document.getElementById(id);

let model, job = 0, sound, current, recording, starting = false, ready = false;

// A worker made from a blob keeps to this page's Content-Security-Policy.
const start = `import ${JSON.stringify(new URL("worker.js", import.meta.url).href)};`;
const address = URL.createObjectURL(new Blob([start], { type: "text/javascript" }));
const worker = new Worker(address, { type: "module" });
worker.onmessage = ({ data }) => {
  if ("loaded" in data) progress(data.loaded);
  else if (data.ready) begin(data.ready);
  else if (data.failure && !ready) fail(`The model could not be loaded: load the page again. ${data.failure}`);
  else if (data.job !== job) return; // of a sound that is no longer wanted
  else if (data.failure) fail(`This sound could not be transcribed. ${data.failure}`);
  else show(data);
};
worker.onerror = () => fail("The recogniser could not be started: this browser may be too old for it. " +
  "Update the browser, or use another one.");

function state(name, message = "") {
  document.body.dataset.state = name;
  $("status").textContent = message;
  $("record").textContent = name === "recording" ? "Stop" : "Record";
  $("level-row").hidden = name !== "recording";
  if (name !== "loading" && name !== "working") progress(null);
}

function fail(message) {
  $("trouble").textContent = message;
  $("trouble").hidden = false;
  state(ready ? "ready" : "failed");
}

const clear = () => { $("trouble").hidden = true; };

function progress(share) {
  $("progress").hidden = share === null;
  if (share !== null) $("progress").value = share;
}

function begin(told) {
  model = told;
  ready = true;
  const kind = { float32: "32-bit numbers", float16: "16-bit numbers", int8: "8-bit whole numbers" };
  $("model").textContent = `${model.name} · ${kind[model.precision] ?? model.precision}` +
    (model.wer === null ? "" : ` · WER ${model.wer.toFixed(3)} on the test split of its lesson`);
  document.title = `${model.name} in this browser`;
  $("about").textContent = `${model.threads} thread${model.threads > 1 ? "s" : ""}, ` +
    `${model.rate} samples a second.`;
  $("record").disabled = $("file").disabled = false;
  state("ready", "Ready. Record your voice, or choose a file.");
  keepForLater();
}

// ---- sound in ------------------------------------------------------------------------------

// While the browser asks for the microphone, the button does nothing; disabled, it would lose the
// keyboard's focus.
$("record").onclick = () => starting || (recording ? stop() : record());

function reason(error) {
  return {
    NotAllowedError: "The microphone was refused. Allow it for this page in the browser's address " +
      "bar or settings, then press Record again; inside another site's frame, open this page in " +
      "a tab of its own.",
    SecurityError: "The browser's settings forbid the microphone on this page.",
    NotFoundError: "No microphone was found. Connect one, then press Record again.",
    NotReadableError: "The microphone is in use by another program, or the system withholds it. " +
      "Close that program, then press Record again.",
  }[error.name] ?? `The microphone cannot be used (${error.name}).`;
}

async function record() {
  clear();
  if (!navigator.mediaDevices?.getUserMedia) {
    return fail("The browser gives the microphone only to pages from https or from localhost. " +
      "You can still choose or drop a file.");
  }
  starting = true;
  try {
    // The sound as it is: what browsers do for telephone calls would change it.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
    const context = new AudioContext();
    recording = { stream, context, parts: [], length: 0, sent: 0 };
    stream.getAudioTracks()[0].onended = () => recording?.stream === stream && stop();
    await context.audioWorklet.addModule("microphone.js");
    const node = new AudioWorkletNode(context, "microphone");
    node.port.onmessage = ({ data }) => recording?.context === context && hear(data);
    context.createMediaStreamSource(stream).connect(node).connect(context.destination);
    await context.resume();
  } catch (error) {
    recording?.stream.getTracks().forEach((track) => track.stop());
    recording?.context.close();
    recording = undefined;
    return fail(`${reason(error)} You can still choose or drop a file.`);
  } finally {
    starting = false;
  }
  job++;
  current = undefined;
  $("result").hidden = true;
  $("text").textContent = "";
  state("recording", "Recording. Press Stop when you have spoken.");
}

// A part of what the microphone gives: shows the level, and lets the model write what it can.
function hear(samples) {
  const { parts, context } = recording;
  parts.push(samples);
  recording.length += samples.length;
  const seconds = recording.length / context.sampleRate;
  recording.peak = Math.max((recording.peak ?? 0) * 0.97, ...samples.map(Math.abs));
  $("level").value = Math.sqrt(recording.peak);
  $("clock").textContent = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  if (seconds >= LONGEST_RECORDING) return stop();
  if (seconds - recording.sent > 1 && !recording.busy) {
    recording.sent = seconds;
    recording.busy = true;
    recognise(resample(joined(10), context.sampleRate, model.rate));
  }
}

// The last seconds of the recording in one piece.
function joined(seconds = Infinity) {
  const { parts, context } = recording, wanted = seconds * context.sampleRate;
  let first = parts.length, length = 0;
  while (first > 0 && length < wanted) length += parts[--first].length;
  const whole = new Float32Array(length);
  let at = 0;
  for (const part of parts.slice(first)) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function stop() {
  const samples = joined(), { stream, context } = recording;
  stream.getTracks().forEach((track) => track.stop());
  context.close();
  recording = undefined;
  take(samples, context.sampleRate, "your recording");
}

$("file").onchange = () => {
  const [file] = $("file").files;
  if (file) read(file);
  $("file").value = ""; // so that the same file can be chosen again
};

for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    const file = kind === "drop" && event.dataTransfer.files[0];
    if (file && ready && !recording) read(file);
  });
}

async function read(file) {
  clear();
  const mine = ++job;
  if (file.size > LARGEST_FILE) {
    return fail(`${file.name} has ${Math.round(file.size / 1e6)} MB, and this page takes ` +
      `${LARGEST_FILE / 1e6} MB at most. Cut it into parts.`);
  }
  state("working", `Reading ${file.name} …`);
  try {
    const { samples, rate } = await decode(await file.arrayBuffer());
    if (mine === job) take(samples, rate, file.name);
  } catch {
    if (mine === job) {
      fail(`${file.name} cannot be read as sound by this browser. It may be cut off, or another ` +
        "kind of file: try WAV, FLAC, MP3 or Ogg.");
    }
  }
}

// ---- to text -------------------------------------------------------------------------------

function take(samples, rate, name) {
  const seconds = samples.length / rate;
  $("result").hidden = true;
  $("text").textContent = "";
  if (seconds > LONGEST_FILE) {
    return fail(`${name} lasts ${Math.round(seconds / 60)} minutes, and this page takes ` +
      `${LONGEST_FILE / 60} at most. Cut it into parts.`);
  }
  const values = resample(samples, rate, model.rate);
  if (values.length < model.window) return fail(`${name} is too short: there is no word in it.`);
  sound = values;
  state("working", `Transcribing ${name} (${seconds.toFixed(1)} s) …`);
  progress(0);
  recognise(values.slice());
}

function recognise(samples) {
  job++;
  worker.postMessage({ job, samples }, [samples.buffer]);
}

function show({ path, frames, done }) {
  const letters = collapse(path, model), text = textOf(letters);
  $("text").classList.toggle("unfinished", !done || Boolean(recording));
  // While it grows, a screen reader need not read the text again and again.
  $("text").setAttribute("aria-live", done && !recording ? "polite" : "off");
  $("text").textContent = text;
  if (recording) return (recording.busy = false);
  if (!done) return progress(path.length / frames);
  current = { text };
  $("result").hidden = false;
  list(words(path, letters, model));
  draw(letters);
  score();
  state("result", text ? `Done: ${(sound.length / model.rate).toFixed(1)} s of sound.` :
    "Done, and the model wrote nothing: it heard no speech in this sound.");
}

// ---- what is shown -------------------------------------------------------------------------

function list(found) {
  $("words").replaceChildren(...found.map(({ text, start, end, confidence }) => {
    const row = document.createElement("tr");
    for (const value of [text, start.toFixed(2), end.toFixed(2), `${Math.round(confidence * 100)} %`]) {
      row.insertCell().textContent = value;
    }
    return row;
  }));
}

function draw(letters) {
  const seconds = sound.length / model.rate, bands = 64;
  const wide = Math.min((11 * sound.length) / model.hop, 30000); // 11 pixels a frame, for a letter
  const { columns, levels } = spectrogram(sound, Math.max(80, Math.ceil(sound.length / wide)), bands);
  const canvas = $("spectrogram"), context = canvas.getContext("2d");
  [canvas.width, canvas.height] = [columns, bands];
  canvas.style.width = $("letters").style.width = `${wide}px`;
  const colour = getComputedStyle(document.body).getPropertyValue("--sound").split(",").map(Number);
  const image = context.createImageData(columns, bands);
  levels.forEach((level, k) => {
    const at = ((bands - 1 - (k % bands)) * columns + Math.floor(k / bands)) * 4;
    image.data.set([...colour, 255 * level], at);
  });
  context.putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `Spectrogram of ${seconds.toFixed(1)} seconds of sound`);
  $("letters").replaceChildren(...letters.filter(({ text }) => text !== " ").map((letter) => {
    const span = document.createElement("span");
    span.textContent = letter.text;
    span.title = `${letter.text}: ${Math.round(letter.probability * 100)} %`;
    const middle = ((letter.start + letter.end) / 2) * model.hop + (model.window - model.hop) / 2;
    span.style.left = `${(middle / sound.length) * wide}px`;
    span.style.opacity = 0.25 + 0.75 * letter.probability;
    return span;
  }));
  const player = $("player");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(wav(sound, model.rate));
}

// Text as the model writes it: its own letters, in its own case, anything else a space.
function spoken(text) {
  const upper = model.tokens.includes("A") || !model.tokens.includes("a");
  const cased = text.normalize("NFC").replace(/[’`ʼ]/g, "'");
  return [...(upper ? cased.toUpperCase() : cased.toLowerCase())]
    .map((letter) => (model.tokens.includes(letter) || /\p{L}/u.test(letter) ? letter : " "))
    .join("").split(/\s+/).filter(Boolean).join(" ");
}

function score() {
  const typed = $("correct").value;
  if (!typed.trim()) return ($("wer").textContent = "");
  if (/\d/.test(typed)) return ($("wer").textContent = "Please write numbers as words: the model does.");
  const correct = spoken(typed);
  if (!correct) return ($("wer").textContent = "There is no word in this.");
  const { errors, words } = wordErrors(correct, current?.text ?? "");
  $("wer").textContent = `WER ${(errors / words).toFixed(2)}: ${errors} error${errors === 1 ? "" : "s"} ` +
    `in ${words} word${words === 1 ? "" : "s"}.`;
}

$("correct").oninput = score;

// ---- with the network off ------------------------------------------------------------------

async function keepForLater() {
  if (!("serviceWorker" in navigator)) return; // pages from plain http have none, unless localhost
  try {
    await navigator.serviceWorker.register("offline.js");
    await navigator.serviceWorker.ready;
    $("about").textContent += " This browser keeps the page: it opens with the network off, too.";
  } catch {
    // A browser that keeps no data (a private window, say): the page works, and needs its server.
  }
}

worker.postMessage({ load: true });
