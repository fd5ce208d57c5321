// A file on its way to the server, with how much of it has arrived: `fetch` cannot tell.
import { ApiError, accessToken } from "../../core/api.js";

/** Send a file. Raises ApiError as `call` does; `signal` stops it.
 * @param {string} path @param {File} file @param {string} type @param {(share: number) => void} onShare from 0 to 1
 * @param {AbortSignal} signal @returns {Promise<any>} */
export async function upload(path, file, type, onShare, signal) {
  const token = await accessToken();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const fail = (/** @type {import("../../api.d.ts").Problem} */ problem) =>
      reject(new ApiError(problem));
    request.open("POST", `/api/v1${path}`);
    request.responseType = "json";
    request.setRequestHeader("content-type", type);
    if (token) request.setRequestHeader("authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onShare(total ? loaded / total : 0);
    request.onload = () => {
      const { status, response } = request;
      if (status < 400) resolve(response);
      else fail(response?.code ? response : { status, code: "unknown", title: request.statusText });
    };
    request.onerror = () => fail({ status: 0, code: "offline", title: "offline" });
    request.onabort = () => fail({ status: 0, code: "aborted", title: "aborted" });
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
