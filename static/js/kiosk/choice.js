// Choosing seats at the kiosk: nobody signs in there or sees what a screen reader is told, and a lost server is the
// whole screen's business.
import { isLost } from "../core/device.js";
import { t } from "../core/text.js";
import { limitText, toast } from "../core/ui.js";
import { SeatChoice } from "../seatmap/choice.js";

export class KioskChoice extends SeatChoice {
  /** @param {import("./journey.js").Ride} ride */
  constructor(ride) {
    super(ride.bus, ride);
    this.ride = ride;
  }

  async load() {
    await super.load();
    isLost(this.failure.peek());
  }

  /** @param {string} text */
  denied(text) {
    return toast(text, { seconds: 3 });
  }

  /** @param {import("../core/api.js").ApiError} error @param {() => void} retry */
  refused(error, retry) {
    const bus = this.bus.peek();
    const limit = bus && limitText(error, bus.rules);
    const text = isLost(error) ? t("failure.offline") : (limit ?? error.message);
    const icon = error.code === "offline" ? "wifi-off" : "circle-alert";
    return toast(text, {
      icon,
      tone: "bad",
      seconds: 10,
      action: { label: t("retry"), run: retry },
    });
  }
}
