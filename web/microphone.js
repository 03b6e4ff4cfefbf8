// Passes on what the microphone gives, in the audio thread: a Float32Array of mono samples at a time.
registerProcessor("microphone", class extends AudioWorkletProcessor {
  process([channels]) {
    if (!channels.length) return true;
    const mean = channels[0].map((_, k) =>
      channels.reduce((sum, channel) => sum + channel[k], 0) / channels.length);
    this.port.postMessage(mean, [mean.buffer]);
    return true;
  }
});
