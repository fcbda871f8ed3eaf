// The five bars move with the voice that is heard: --level on the element, the rest is voice.css.

const LOUD = 0.16 // root mean square of clear speech
const stillness = matchMedia("(prefers-reduced-motion: reduce)")

export function moveBars(element, levels, whoSpeaks) {
  let shown = 0
  levels.follow((now) => {
    if (stillness.matches) return
    const level = Math.min(1, now[whoSpeaks()] / LOUD)
    const next = level > shown ? level : shown * 0.86 + level * 0.14 // up at once, down gently
    if (Math.abs(next - shown) < 0.01) return
    shown = next
    element.style.setProperty("--level", shown.toFixed(2))
  })
}
