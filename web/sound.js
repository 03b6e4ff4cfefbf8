// Sound in the browser: decoded, mixed to mono, brought to the model's rate, drawn.

// The samples a second that an encoded file says it has. The browser would change the rate while it
// decodes; asked to decode at the file's own rate, it leaves the samples as they are.
export function rateOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const has = (text, at) => [...text].every((letter, k) => bytes[at + k] === letter.charCodeAt(0));
  const find = (text, until) => {
    for (let at = 0; at < Math.min(until, bytes.length - 64); at++) if (has(text, at)) return at;
    return -1;
  };
  if (has("RIFF", 0) && has("WAVE", 8)) {
    const at = find("fmt ", 4096);
    return at < 0 ? null : view.getUint32(at + 12, true);
  }
  if (has("fLaC", 0) && bytes.length > 42) return view.getUint32(18) >>> 12;
  if (has("OggS", 0)) {
    const at = find("\x01vorbis", 256);
    if (at >= 0) return view.getUint32(at + 12, true);
    const flac = find("fLaC", 256);
    return flac < 0 ? 48000 : view.getUint32(flac + 18) >>> 12;
  }
  const tagged = has("ID3", 0) && bytes.length > 10;
  const at = tagged ? 10 + bytes.slice(6, 10).reduce((size, part) => size * 128 + part, 0) : 0;
  if (bytes[at] === 0xff && bytes[at + 1] >= 0xe0 && ((bytes[at + 1] >> 1) & 3) === 1) {
    const version = (bytes[at + 1] >> 3) & 3; // MP3: 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5
    const rate = [44100, 48000, 32000][(bytes[at + 2] >> 2) & 3];
    return rate / { 3: 1, 2: 2, 0: 4 }[version] || null;
  }
  return null;
}

// Decode a file with the browser: {samples, rate}, mono. Rejects where the browser cannot.
export async function decode(buffer) {
  const rate = rateOf(new Uint8Array(buffer)) ?? 48000;
  let context;
  try {
    context = new OfflineAudioContext(1, 1, rate);
  } catch {
    context = new OfflineAudioContext(1, 1, 48000); // a rate that the browser does not know
  }
  const sound = await context.decodeAudioData(buffer);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k));
  return { samples: mono(channels), rate: sound.sampleRate };
}

// The mean of all channels.
export function mono(channels) {
  if (channels.length === 1) return channels[0].slice();
  const mean = new Float32Array(channels[0].length);
  for (const channel of channels) {
    for (let k = 0; k < mean.length; k++) mean[k] += channel[k] / channels.length;
  }
  return mean;
}

// Resample by a low-pass filter, a sine cardinal under a Kaiser window. It passes nine tenths of the
// lower rate's band and stops what lies beyond it. The three numbers are those whose filter is
// nearest to that of soxr, which Python uses.
export function resample(samples, from, to) {
  if (from === to) return samples;
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  const up = to / divisor(from, to), down = from / divisor(from, to);
  const share = Math.min(1, to / from), cutoff = 0.957 * share, half = Math.ceil(95 / share);
  const bessel = (x) => {
    let term = 1, sum = 1;
    for (let k = 1; term > 1e-12 * sum; k++) sum += term *= (x / 2 / k) ** 2;
    return sum;
  };
  const weight = (x) => {
    const angle = Math.PI * cutoff * x, edge = 1 - (x / half) ** 2;
    if (edge <= 0) return 0;
    const sine = x === 0 ? 1 : Math.sin(angle) / angle;
    return (cutoff * sine * bessel(12.5 * Math.sqrt(edge))) / bessel(12.5);
  };
  // Output sample k lies at k * down / up of the input: `up` different fractions, a filter each.
  const filters = Array.from({ length: Math.min(up, Math.round((samples.length * up) / down)) }, (_, k) =>
    Float64Array.from({ length: 2 * half + 1 }, (_, tap) => weight(((k * down) % up) / up - tap + half)));
  const output = new Float32Array(Math.round((samples.length * up) / down));
  for (let k = 0; k < output.length; k++) {
    const filter = filters[k % up], first = Math.floor((k * down) / up) - half;
    let sum = 0;
    for (let tap = Math.max(0, -first); tap <= 2 * half && first + tap < samples.length; tap++) {
      sum += filter[tap] * samples[first + tap];
    }
    output[k] = sum;
  }
  return output;
}

// A spectrogram: for each step of `hop` samples, the decibels of `bands` equal bands of frequency,
// within 70 dB of the loudest, as 0 to 1.
export function spectrogram(samples, hop, bands) {
  const size = 512, columns = Math.max(1, Math.floor((samples.length - size) / hop) + 1);
  const real = new Float64Array(size), imaginary = new Float64Array(size);
  const levels = new Float32Array(columns * bands);
  let loudest = -Infinity;
  for (let column = 0; column < columns; column++) {
    for (let k = 0; k < size; k++) {
      const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / size);
      real[k] = hann * (samples[column * hop + k] ?? 0);
    }
    imaginary.fill(0);
    transform(real, imaginary);
    for (let band = 0; band < bands; band++) {
      const [low, high] = [band, band + 1].map((edge) => Math.floor((edge * size) / 2 / bands));
      let power = 1e-10;
      for (let k = low; k < Math.max(high, low + 1); k++) power += real[k] ** 2 + imaginary[k] ** 2;
      levels[column * bands + band] = 10 * Math.log10(power);
      loudest = Math.max(loudest, levels[column * bands + band]);
    }
  }
  return { columns, levels: levels.map((level) => Math.max(0, 1 + (level - loudest) / 70)) };
}

// The discrete Fourier transform, in place; the length is a power of two (Cooley and Tukey 1965).
function transform(real, imaginary) {
  const size = real.length;
  for (let k = 1, mirror = 0; k < size; k++) {
    let bit = size >> 1;
    for (; mirror & bit; bit >>= 1) mirror ^= bit;
    mirror ^= bit;
    if (k < mirror) {
      [real[k], real[mirror]] = [real[mirror], real[k]];
      [imaginary[k], imaginary[mirror]] = [imaginary[mirror], imaginary[k]];
    }
  }
  for (let width = 2; width <= size; width *= 2) {
    for (let start = 0; start < size; start += width) {
      for (let k = 0; k < width / 2; k++) {
        const angle = (-2 * Math.PI * k) / width, a = start + k, b = a + width / 2;
        const re = real[b] * Math.cos(angle) - imaginary[b] * Math.sin(angle);
        const im = real[b] * Math.sin(angle) + imaginary[b] * Math.cos(angle);
        [real[b], imaginary[b]] = [real[a] - re, imaginary[a] - im];
        [real[a], imaginary[a]] = [real[a] + re, imaginary[a] + im];
      }
    }
  }
}

// A WAV file of mono samples, 16 bits each, to play or to keep.
export function wav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const write = (at, text) => [...text].forEach((c, k) => view.setUint8(at + k, c.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, k) =>
    view.setInt16(44 + 2 * k, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true));
  return new Blob([view], { type: "audio/wav" });
}
