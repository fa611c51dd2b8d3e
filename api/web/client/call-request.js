/** The two HTTP requests before a call: which interviewers there are, and "open a call". */
import { clientError, VivaError } from "./errors.js";

/**
 * @typedef {object} CallTicket
 * @property {string} call_id
 * @property {string} token for the first hello only; `ready` brings the next
 * @property {string} url of the websocket
 */

/** @param {string | URL} baseUrl @returns {Promise<{id: string, name: string}[]>} @throws {VivaError} */
export async function listAgents(baseUrl) {
  const { agents } = await request(new URL("agents", folder(baseUrl)));
  if (!Array.isArray(agents)) throw clientError("server_answer");
  return agents;
}

/**
 * @param {string | URL} baseUrl
 * @param {{agent: string, candidate: object, context: object}} body see docs/protocol.md
 * @param {HeadersInit} [headers] such as the authorisation your deployment asks for
 * @returns {Promise<CallTicket>} @throws {VivaError} with the server's own sentence
 */
export async function openCall(baseUrl, body, headers = {}) {
  const ticket = await request(new URL("calls", folder(baseUrl)), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (typeof ticket.token !== "string" || typeof ticket.url !== "string") throw clientError("server_answer");
  return { ...ticket, url: new URL(ticket.url, folder(baseUrl)).href.replace(/^http/, "ws") };
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error instanceof TypeError) throw clientError("server_unreachable");
    throw error;
  }
  const answer = await json(response);
  if (response.ok) return answer;
  if (typeof answer.message !== "string") throw clientError("server_answer", { status: response.status });
  throw new VivaError(answer.code ?? "http_error", answer.message, { status: response.status });
}

async function json(response) {
  try {
    return (await response.json()) ?? {};
  } catch (error) {
    if (error instanceof SyntaxError) throw clientError("server_answer", { status: response.status });
    throw error;
  }
}

function folder(baseUrl) {
  const url = new URL(baseUrl, globalThis.location?.href);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}
