// Tones, made as they are needed: a warning that is only seen does not reach who looks at a phone, or sees nothing.

/** @type {AudioContext | null} */
let audio = null;

/** Browsers let nothing sound before somebody has touched the page; nobody is warned before that either. */
function context() {
  audio ??= new AudioContext();
  if (audio.state === "suspended") audio.resume().catch(() => {});
  return audio;
}

/** @param {number} hertz @param {number} seconds @param {number} [after] seconds from now */
export function tone(hertz, seconds, after = 0) {
  try {
    const sound = context();
    const source = sound.createOscillator();
    const volume = sound.createGain();
    const from = sound.currentTime + after;
    source.frequency.value = hertz;
    // Swelling and fading: a tone that is cut off clicks.
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.25, from + 0.02);
    volume.gain.linearRampToValueAtTime(0, from + seconds);
    source.connect(volume).connect(sound.destination);
    source.start(from);
    source.stop(from + seconds);
  } catch {
    // A device without sound warns by sight.
  }
}

export function warn() {
  tone(660, 0.18);
  tone(660, 0.18, 0.26);
}

export const tock = () => tone(880, 0.09);

export function rejoice() {
  tone(660, 0.12);
  tone(880, 0.22, 0.13);
}
