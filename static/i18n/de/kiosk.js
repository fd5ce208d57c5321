// Der Automat.
export default {
  "kiosk.title": "Fahrkarten",
  "kiosk.aids": "Hilfen zu diesem Bildschirm",
  "kiosk.large": "Große Schrift",
  "kiosk.strong": "Kontrast",
  "kiosk.help": "Hilfe",
  "kiosk.leave": "Neu beginnen",
  "kiosk.next": "Weiter",
  "kiosk.offline":
    "Keine Verbindung. Bis sie wieder da ist, lässt sich nichts kaufen; Ihre Auswahl bleibt erhalten.",
  "kiosk.nowhere": "Dieser Automat steht an keiner Haltestelle",
  "kiosk.nowhere.body": "Das Personal kann ihm in der Geräteliste eine geben.",

  "kiosk.help.title": "Hilfe",
  "kiosk.help.close": "Weiter",
  "kiosk.help.attract":
    "Tippen Sie auf eine Sprache, um eine Fahrkarte für einen der nächsten Busse zu kaufen. Es sind fünf Schritte.",
  "kiosk.help.where":
    "Wählen Sie, wohin Sie möchten. Ein Buchstabe zeigt nur die Orte, die mit ihm beginnen.",
  "kiosk.help.bus":
    "Wählen Sie einen Tag, dann einen Bus. Bei jedem steht, wann er abfährt, wann er ankommt und was ein Platz kostet.",
  "kiosk.help.seats":
    "Tippen Sie auf einen Platz, um ihn zu wählen, und noch einmal, um ihn zurückzugeben. Oder tippen Sie an, wie viele Sie sind: Dann bekommen Sie die besten Plätze nebeneinander.",
  "kiosk.help.people":
    "Schreiben Sie den Namen der Person, die dort sitzt. Die Tastatur darunter hat lateinische, arabische und Devanagari-Schrift. Wenn Sie gehen, verschwinden die Namen von diesem Bildschirm.",
  "kiosk.help.pay":
    "Zahlen Sie mit Ihrem eigenen Telefon: Scannen Sie mit seiner Kamera den quadratischen Code. Ihre Plätze bleiben währenddessen reserviert.",
  "kiosk.help.ticket":
    "Nehmen Sie die gedruckten Fahrkarten. Mit „Aufs Telefon“ haben Sie sie auch dort dabei.",
  "kiosk.help.voucher":
    "Gehen Sie mit dem gedruckten Zettel zum Schalter und zahlen Sie dort. Die Plätze bleiben bis zu der Zeit reserviert, die darauf steht.",
  "kiosk.help.keys":
    "Alles geht auch mit einer Tastatur: Tab führt weiter, Enter wählt, Pfeile bewegen im Sitzplan.",
  "kiosk.help.staff":
    "Das Personal von {operator} hilft Ihnen am Schalter. Dies ist der Automat „{name}“.",

  "kiosk.step.where": "Wohin",
  "kiosk.step.bus": "Bus",
  "kiosk.step.seats": "Plätze",
  "kiosk.step.people": "Fahrgäste",
  "kiosk.step.pay": "Zahlen",

  "kiosk.idle.title": "Sind Sie noch da?",
  "kiosk.idle.body": {
    one: "In einer Sekunde werden Ihre Plätze wieder frei und Ihre Angaben gelöscht.",
    other: "In {count} Sekunden werden Ihre Plätze wieder frei und Ihre Angaben gelöscht.",
  },
  "kiosk.idle.left": { one: "Noch eine Sekunde", other: "Noch {count} Sekunden" },
  "kiosk.idle.stay": "Mehr Zeit",
  "kiosk.idle.leave": "Ich bin fertig",

  "attract.title": "Hier gibt es Fahrkarten",
  "attract.sub": "Wählen Sie Ihren Platz auf dem Live-Sitzplan, und zahlen Sie mit dem Telefon.",
  "attract.next": "Nächste Abfahrten",
  "attract.start": "Zum Starten tippen",
  "attract.languages": "Sprache",

  "kiosk.where": "Wohin möchten Sie?",
  "kiosk.popular": "Häufigste Ziele",
  "kiosk.letters": "Orte, die beginnen mit",
  "kiosk.all": "Alle",
  "kiosk.bus": "Welcher Bus nach {to}?",
  "kiosk.today": "Heute",
  "kiosk.tomorrow": "Morgen",
  "kiosk.seats": "Welche Plätze?",
  "kiosk.seats.hint": "Tippen Sie im Plan auf einen Platz",
  "kiosk.party": "Beste Plätze für",
  "kiosk.people": "Wer sitzt auf {seat}?",
  "kiosk.people.of": "Fahrgast {at} von {count}",
  "kiosk.phone": "Möchten Sie Nachrichten zu dieser Fahrt?",
  "kiosk.phone.hint": "Wenn Sie mögen, geben Sie eine Telefonnummer an. Nötig ist sie nicht.",
  "kiosk.phone.skip": "Ohne Nummer",
  "kiosk.pay": "Wie möchten Sie zahlen?",
  "kiosk.unpaid": "Es wurde nichts bezahlt",
  "pay.phone": "Mit meinem Telefon",
  "pay.phone.body": "Code scannen und dort zahlen",
  "pay.cash": "Bar beim Personal",
  "pay.cash.body": "Jemand steht bereit und nimmt es an",
  "pay.cash.title": "Bar: {amount}",
  "pay.cash.ask": "Geben Sie das Geld dem Personal; es bestätigt den Empfang mit seiner PIN.",
  "pay.cash.go": "{amount} erhalten",
  "pay.cash.wrong": "Das ist nicht die PIN",
  "pay.voucher": "Am Schalter",
  "pay.voucher.body": {
    one: "Plätze eine Minute behalten und dort zahlen",
    other: "Plätze {count} Minuten behalten und dort zahlen",
  },
  "pay.voucher.full":
    "Der Schalter kann gerade nicht so viele Plätze dieser Fahrt zurückhalten. Bitte zahlen Sie anders.",
  "voucher.title": "Ihre Plätze bleiben bis {time} reserviert",
  "voucher.body":
    "Gehen Sie mit diesem Zettel zum Schalter und zahlen Sie dort bar. Plätze, die bis dahin nicht bezahlt sind, werden anderen verkauft.",
  "voucher.slip": "Zettel für den Schalter",
  "voucher.code": "Code",
  "voucher.pay": "Zu zahlen",
  "voucher.until": "Bis",
  "voucher.not": "Kein Ticket: am Schalter zahlen",
  "voucher.back": "Plätze zurückgeben",
  "pay.none": "Zahlen ist hier gerade nicht möglich",
  "pay.none.body": "Am Schalter können Sie diese Plätze kaufen.",
  "pay.scan": "Scannen Sie diesen Code mit Ihrem Telefon",
  "pay.scan.alt": "QR-Code, der die Zahlung auf Ihrem Telefon öffnet",
  "pay.scan.1": "Öffnen Sie die Kamera Ihres Telefons, und halten Sie sie hierher",
  "pay.scan.2": "Öffnen Sie die gefundene Seite, und zahlen Sie",
  "pay.scan.3": "Ihre Fahrkarte wird sofort hier gedruckt",
  "pay.scan.wait": "Wir warten auf Ihre Zahlung. Danach geht es hier von selbst weiter.",

  "kiosk.done": "Gute Fahrt!",
  "kiosk.done.body":
    "Ihre Fahrkarten werden gedruckt. Zeigen Sie am Bus für jeden Fahrgast eine vor.",
  "kiosk.finish": "Fertig",
  "kiosk.print": "Noch einmal drucken",
  "kiosk.take": "Aufs Telefon",
  "kiosk.take.title": "Nehmen Sie Ihre Fahrkarten mit",
  "kiosk.take.alt": "QR-Code, der Ihre Buchung auf Ihrem Telefon öffnet",
  "kiosk.take.body":
    "Wer diesen Code scannt, kann die Buchung sehen und stornieren: Zeigen Sie ihn nur Ihrem eigenen Telefon.",
  "kiosk.slip": "Fahrkarte für Platz {seat}, {name}",
  "kiosk.slip.code": "QR-Code der Fahrkarte für Platz {seat}",

  "pair.title": "Dieses Gerät koppeln",
  "pair.body":
    "Das Personal kann einen Code anzeigen lassen: in der Verwaltung unter Geräte oder mit „omnibus device pair“.",
  "pair.code": "Sechs Ziffern",
  "pair.go": "Koppeln",
  "pair.hint": "Ein Code gilt einmal und fünf Minuten lang.",
  "pair.wrong":
    "Unter diesem Code wartet kein Gerät. Vielleicht wurde er schon benutzt oder ist zu alt.",
  "pair.later": "Zu viele falsche Codes. Versuchen Sie es in {time} noch einmal.",
  "pin.title": "Nimmt dieser Automat Bargeld?",
  "pin.body":
    "Wenn Personal dabeisteht, legen Sie eine PIN fest, mit der es Bargeld bestätigt. Barzahlung wird nur angeboten, solange eine Schicht dieses Automaten offen ist.",
  "pin.label": "PIN des Personals",
  "pin.set": "PIN festlegen",
  "pin.none": "Kein Bargeld",

  "keys.label": "Bildschirmtastatur",
  "keys.pad": "Ziffernblock",
  "keys.erase": "Löschen",
  "keys.shift": "Großbuchstaben",
  "keys.more": "Mehr Buchstaben",
  "keys.accents": "Buchstaben mit Akzent",
  "keys.script": "Wechseln zu: {name}",
  "keys.space": "Leerzeichen",
};
