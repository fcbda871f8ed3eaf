// A key by what a Latin keyboard calls it: whoever writes Arabic presses the same places.
export function keyOf({ key, code, shiftKey }) {
  if (/^[\x20-\x7e]/.test(key)) return key.toLowerCase()
  if (/^Key[A-Z]$/.test(code)) return code[3].toLowerCase()
  return code === "Slash" ? (shiftKey ? "?" : "/") : key
}
