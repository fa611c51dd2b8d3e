/** The turns of a conversation, put together from the pieces of `transcript` messages. */

/**
 * @typedef {object} Turn
 * @property {"candidate" | "interviewer"} who
 * @property {number} number counted for each speaker
 * @property {number} turn the answer that this is, or replies to
 * @property {{version: number, text: string}[]} pieces what is final, each with the version that it rests on
 * @property {string} text all of that
 * @property {string} interim what may still change; the next piece replaces it
 * @property {number} interimVersion the version that it rests on
 */

export class Transcript {
  /** @type {Map<string, Turn>} in the order of their first messages */
  #turns = new Map();

  /** @returns {Turn[]} in the order of the conversation: an answer's text may come after its reply's */
  get turns() {
    return [...this.#turns.values()].sort(byConversation);
  }

  /** @param {{who: string, number: number, turn?: number, text: string, interim: boolean, version?: number}} piece @returns {Turn} the turn it belongs to, changed */
  add({ who, number, turn: answer = number, text, interim, version = 0 }) {
    const key = `${who} ${number}`;
    const turn = this.#turns.get(key) ?? { who, number, turn: answer, pieces: [], text: "", interim: "", interimVersion: 0 };
    this.#turns.set(key, turn);
    if (!interim) {
      turn.pieces.push({ version, text });
      turn.text += text;
    }
    turn.interim = interim ? text : "";
    turn.interimVersion = version;
    return turn;
  }

  /** Forgets what rests on later versions: the server does not know of it. @param {number} version @returns {Turn[]} the turns that have changed; those without text are gone */
  rollBack(version) {
    const changed = [];
    for (const [key, turn] of this.#turns) {
      const kept = turn.pieces.filter((piece) => piece.version <= version);
      const interim = turn.interimVersion <= version ? turn.interim : "";
      if (kept.length === turn.pieces.length && interim === turn.interim) continue;
      turn.pieces = kept;
      turn.text = kept.map((piece) => piece.text).join("");
      turn.interim = interim;
      if (turn.text + interim === "") this.#turns.delete(key);
      changed.push(turn);
    }
    return changed;
  }
}

/** An answer before the replies to it, both in the order of the turns. @param {Turn} a @param {Turn} b */
export function byConversation(a, b) {
  const place = ({ turn, who }) => 2 * turn + (who === "interviewer" ? 1 : 0);
  return place(a) - place(b) || a.number - b.number;
}
