// Plainly written numbers.

const NUMBER = /^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?$/;
const DECIMAL_COMMA = /^[-+]?[0-9]+,[0-9]+$/;

// The number that `text` is, or null: not `0x5`, `1_0`, `NaN` or `3,5`.
export function parseNumber(text) {
  return NUMBER.test(text) ? Number(text) : null;
}

export function hasDecimalComma(text) {
  return DECIMAL_COMMA.test(text);
}

// `text` in quotes and shortened, for a message.
export function shown(text, limit = 60) {
  return `“${(text.length <= limit ? text : `${text.slice(0, limit - 1)}…`).replaceAll(/\s+/g, " ")}”`;
}
