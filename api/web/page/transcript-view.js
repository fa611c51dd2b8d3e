/** The transcript as a list: one item a turn, with small marks where the interviewer was held, went on or was cut off. */
import { Transcript, byConversation } from "../client/transcript.js";

const SPEAKERS = { candidate: "You", interviewer: "Interviewer" };
const NEAR_END_PX = 60;

export class TranscriptView {
  #list;
  #transcript = new Transcript();
  #items = new Map();

  /** @param {HTMLOListElement} list */
  constructor(list) {
    this.#list = list;
    list.replaceChildren();
  }

  /** @param {{who: string, number: number, turn: number, text: string, interim: boolean}} piece */
  add(piece) {
    this.#keepingEnd(() => {
      const turn = this.#transcript.add(piece);
      const { said, interim } = this.#itemOf(turn);
      // Final pieces are added as nodes of their own, so that a screen reader reads each once.
      if (!piece.interim && piece.text) said.append(element("span", { textContent: piece.text }));
      interim.textContent = turn.interim;
    });
  }

  /** Removes the lines of later versions. @param {number} version */
  rollBack(version) {
    for (const turn of this.#transcript.rollBack(version)) {
      const { item, said, interim } = this.#items.get(turn);
      if (turn.text + turn.interim === "") {
        item.remove();
        this.#items.delete(turn);
      } else {
        said.replaceChildren(...turn.pieces.map(({ text }) => element("span", { textContent: text })));
        interim.textContent = turn.interim;
      }
    }
  }

  /** @param {string} kind such as `hold` @param {string} words @returns {HTMLLIElement} */
  mark(kind, words) {
    const item = markItem(kind, words);
    this.#keepingEnd(() => this.#list.append(item));
    return item;
  }

  /** A new item in the place of `mark`, so that a screen reader reads it. @param {HTMLLIElement} mark @param {string} kind @param {string} words */
  replaceMark(mark, kind, words) {
    this.#keepingEnd(() => mark.replaceWith(markItem(kind, words)));
  }

  #itemOf(turn) {
    const known = this.#items.get(turn);
    if (known) return known;
    const said = element("span");
    const interim = element("span", { className: "interim" });
    interim.setAttribute("aria-hidden", "true");
    const text = element("p");
    text.append(said, interim);
    const item = element("li", { className: `turn ${turn.who}` });
    item.append(element("span", { className: "speaker", textContent: SPEAKERS[turn.who] ?? turn.who }), text);
    const later = [...this.#items.keys()].filter((other) => byConversation(turn, other) < 0).sort(byConversation);
    this.#list.insertBefore(item, later.length ? this.#items.get(later[0]).item : null);
    this.#items.set(turn, { item, said, interim });
    return this.#items.get(turn);
  }

  /** Follows the conversation, unless the reader has scrolled back. */
  #keepingEnd(change) {
    const list = this.#list;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_END_PX;
    change();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}

function markItem(kind, words) {
  const item = element("li", { className: "mark" });
  item.dataset.kind = kind;
  const sign = element("span", { className: "sign" });
  sign.setAttribute("aria-hidden", "true");
  item.append(sign, element("span", { className: "words", textContent: words }));
  // The state beside the lamp says aloud that it is held; here is read what came of it.
  if (kind === "hold") item.setAttribute("aria-hidden", "true");
  return item;
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}
