/** The turns of a conversation, put together from the pieces of `transcript` messages. */

/**
 * @typedef {object} Turn
 * @property {"candidate" | "interviewer"} who
 * @property {number} number of the turn, counted for each speaker
 * @property {string} text what is final
 * @property {string} interim what may still change; the next piece replaces it
 */

export class Transcript {
  /** @type {Map<string, Turn>} in the order in which the turns were first heard of */
  #turns = new Map();

  /** @returns {Turn[]} */
  get turns() {
    return [...this.#turns.values()];
  }

  /** @param {{who: string, number: number, text: string, interim: boolean}} piece @returns {Turn} the turn it belongs to, changed */
  add({ who, number, text, interim }) {
    const key = `${who} ${number}`;
    const turn = this.#turns.get(key) ?? { who, number, text: "", interim: "" };
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
