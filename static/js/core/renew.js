// Which edition of the pages this is, and whether the server has another: a screen on a wall is never reloaded by hand.

/** The digest of everything that pages are made of, as it stands in every file's address. */
export const BUILD = new URL(import.meta.url).pathname.split("/")[2];

/** Whether the server would give this page to somebody who opens it now: that it is there, and in which edition.
 * @returns {Promise<"same" | "new" | "gone">} */
export async function lookAtServer() {
  try {
    const response = await fetch(location.pathname, { cache: "no-store" });
    if (!response.ok) return "gone";
    return (await response.text()).includes(`/static/${BUILD}/`) ? "same" : "new";
  } catch {
    return "gone";
  }
}

/** Keep the screen lit for as long as the page is shown, where the browser can. */
export function stayAwake() {
  const ask = () => {
    if (document.visibilityState !== "visible") return;
    // Refused on a low battery, for one; the page is none the worse.
    navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", ask);
  ask();
}
