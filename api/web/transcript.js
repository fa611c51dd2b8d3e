/** The turns of a conversation, put together from the pieces of `transcript` messages. */

/**
 * @typedef {object} Turn
 * @property {"candidate" | "interviewer"} who
 * @property {number} number counted for each speaker
 * @property {number} turn the answer that this is, or replies to
 * @property {string} text what is final
 * @property {string} interim what may still change; the next piece replaces it
 */

export class Transcript {
  /** @type {Map<string, Turn>} in the order in which they were first heard of */
  #turns = new Map();

  /** @returns {Turn[]} in the order of the conversation: an answer's text may come after its reply's */
  get turns() {
    return [...this.#turns.values()].sort(byConversation);
  }

  /** @param {{who: string, number: number, turn?: number, text: string, interim: boolean}} piece @returns {Turn} the turn it belongs to, changed */
  add({ who, number, turn: answer = number, text, interim }) {
    const key = `${who} ${number}`;
    const turn = this.#turns.get(key) ?? { who, number, turn: answer, text: "", interim: "" };
    this.#turns.set(key, turn);
    if (interim) {
      turn.interim = text;
    } else {
      turn.text += text;
      turn.interim = "";
    }
    return turn;
  }
}

/** An answer before the replies to it, both in the order of the turns. @param {Turn} a @param {Turn} b */
export function byConversation(a, b) {
  const place = ({ turn, who }) => 2 * turn + (who === "interviewer" ? 1 : 0);
  return place(a) - place(b) || a.number - b.number;
}
