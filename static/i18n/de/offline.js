// Was ohne Netz gesagt wird.
export default {
  "offline.title": "Sie sind offline",
  "offline.body":
    "Diese Seite braucht das Netz. Fahrkarten, die Sie auf diesem Gerät geöffnet haben, sind trotzdem hier.",
  "offline.tickets": "Fahrkarten auf diesem Gerät",
  "offline.none":
    "Noch keine. Öffnen Sie eine Buchung, solange Sie online sind: Ihre Fahrkarte bleibt hier, bis die Fahrt vorbei ist.",
};
