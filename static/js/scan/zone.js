// By which clock times are shown at the door: that of the scanner's stop, or its operator's; of staff, the phone's own.
import { about } from "../core/device.js";

const own = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const zone = () => about.value?.stop?.time_zone ?? about.value?.settings.time_zone ?? own;
