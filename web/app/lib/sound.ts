// Two short notes, made here: no file to load. Browsers stay silent until the page was touched once.
let context: AudioContext | null = null;
let played: number[] = [];

/** Many at once are no reason for as many sounds. */
const AT_ONCE = 3;
const WITHIN_MS = 3000;

export function playSound(): void {
    const now = performance.now();
    played = played.filter((at) => now < at + WITHIN_MS);
    if (played.length >= AT_ONCE || navigator.userActivation?.hasBeenActive === false) {
        return;
    }
    played.push(now);
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
