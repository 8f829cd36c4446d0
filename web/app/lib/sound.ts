// Two short notes, made here: no file to load. Browsers stay silent until the page was touched once.
let context: AudioContext | null = null;
let last = -Infinity;

/** Several at once are one sound. */
const PAUSE_MS = 700;

export function playSound(): void {
    const now = performance.now();
    if (now < last + PAUSE_MS || navigator.userActivation?.hasBeenActive === false) {
        return;
    }
    last = now;
    try {
        context ??= new AudioContext();
        if (context.state === 'suspended') {
            void context.resume();
        }
        const start = context.currentTime + 0.01;
        note(context, 660, start);
        note(context, 880, start + 0.11);
    } catch {
        // no sound device
    }
}

function note(audio: AudioContext, pitch: number, at: number): void {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.type = 'sine';
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, at);
    volume.gain.linearRampToValueAtTime(0.12, at + 0.015);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 0.28);
    tone.connect(volume).connect(audio.destination);
    tone.start(at);
    tone.stop(at + 0.3);
}
