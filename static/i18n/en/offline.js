// What is said where there is no network.
export default {
  "offline.title": "You are offline",
  "offline.body":
    "This page needs the network. Tickets you have opened on this device are here all the same.",
  "offline.tickets": "Tickets on this device",
  "offline.none":
    "None yet. Open a booking while you are online, and its ticket stays here until the trip is over.",
};
