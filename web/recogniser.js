// From samples to words: what the lesson on CTC does in Python, once more in JavaScript.
// `model` is what model.json holds: tokens, blank, delimiter, normalise, rate, hop and window.

// Samples with mean 0 and variance 1, as the model's processor makes them.
export function normalise(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample;
  const mean = sum / samples.length;
  let squares = 0;
  for (const sample of samples) squares += (sample - mean) ** 2;
  const deviation = Math.sqrt(squares / samples.length + 1e-7);
  return samples.map((sample) => (sample - mean) / deviation);
}

// Cover all frames with overlapping chunks. Of an overlap, each neighbour keeps the half that is
// farther from its own edge. Gives {start, stop, from, to}, all in frames: the model reads frames
// `start` to `stop`, and frames `from` to `to` are kept.
export function chunks(frames, size, overlap) {
  const spans = [];
  for (let start = 0, from = 0; ; ) {
    const stop = Math.min(start + size, frames);
    const to = stop === frames ? frames : stop - Math.floor(overlap / 2);
    spans.push({ start, stop, from, to });
    if (stop === frames) return spans;
    start = stop - overlap;
    from = to;
  }
}

// The best token of each frame and its probability (softmax), from logits of frames x tokens.
export function bestPath(logits, tokens, from, to) {
  const path = [];
  for (let frame = from; frame < to; frame++) {
    const row = logits.subarray(frame * tokens, (frame + 1) * tokens);
    let best = 0;
    for (let token = 1; token < tokens; token++) if (row[token] > row[best]) best = token;
    const sum = row.reduce((total, logit) => total + Math.exp(logit - row[best]), 0);
    path.push({ token: best, probability: 1 / sum });
  }
  return path;
}

// Run the model on sound of any length, mono and at the model's rate: the best path of all frames.
// `logitsOf` is the model: normalised samples in, logits out. `progress` is given the path so far
// and the number of all frames; when it answers false, the work ends early.
export async function transcribe(samples, model, logitsOf, progress = () => true) {
  const { hop, window, rate } = model;
  const frames = Math.floor((samples.length - window) / hop) + 1;
  if (frames < 1) throw new Error("The sound is too short for the model.");
  const values = model.normalise ? normalise(samples) : samples;
  const seconds = (length) => Math.round((length * rate) / hop);
  const path = [];
  // The offline model has positions for 14 seconds.
  for (const { start, stop, from, to } of chunks(frames, seconds(12), seconds(4))) {
    const logits = await logitsOf(values.slice(start * hop, (stop - 1) * hop + window));
    path.push(...bestPath(logits, model.tokens.length, from - start, to - start));
    if (!(await progress(path, frames))) break;
  }
  return path;
}

// CTC: a token repeated in neighbouring frames counts once, and the blank writes nothing.
// Gives the letters, each with the frames it spans and its smallest probability there.
export function collapse(path, model) {
  const letters = [];
  path.forEach(({ token, probability }, frame) => {
    const last = letters.at(-1);
    if (frame > 0 && path[frame - 1].token === token && token !== model.blank) {
      last.end = frame + 1;
      last.probability = Math.min(last.probability, probability);
    } else if (token !== model.blank) {
      const text = token === model.delimiter ? " " : model.tokens[token];
      letters.push({ text, start: frame, end: frame + 1, probability });
    }
  });
  return letters;
}

export const textOf = (letters) => letters.map((letter) => letter.text).join("").trim();

// The words, with start and end in seconds. A word is as sure as the least sure of its frames.
export function words(path, letters, model) {
  const groups = [[]];
  for (const letter of letters) letter.text === " " ? groups.push([]) : groups.at(-1).push(letter);
  return groups.filter((group) => group.length).map((group) => {
    const [first, last] = [group[0].start, group.at(-1).end];
    return {
      text: group.map((letter) => letter.text).join(""),
      start: (first * model.hop) / model.rate,
      end: (last * model.hop) / model.rate,
      confidence: Math.min(...path.slice(first, last).map((frame) => frame.probability)),
    };
  });
}

// The fewest words to substitute, delete and insert that turn one text into the other.
export function wordErrors(correct, written) {
  const [truth, text] = [correct, written].map((line) => line.split(" ").filter(Boolean));
  let row = [...text.keys(), text.length];
  truth.forEach((word, i) => {
    const next = [i + 1];
    text.forEach((other, j) =>
      next.push(Math.min(row[j] + (word !== other), row[j + 1] + 1, next[j] + 1)));
    row = next;
  });
  return { errors: row[text.length], words: truth.length };
}
