// Die Seite des Demo-Anbieters.
export default {
  "demopay.title": "Demo-Bank",
  "demopay.sub":
    "Ein Zahlungsanbieter zum Schein: Es fließt kein Geld. Sie entscheiden, wie es weitergeht.",
  "demopay.for": "Für",
  "demopay.reference": "Buchung",
  "demopay.approve": "{amount} zahlen",
  "demopay.decline": "Ablehnen",
  "demopay.challenge": "Mit 3-D Secure zahlen",
  "demopay.challenge.title": "Sind Sie es wirklich?",
  "demopay.challenge.body":
    "Dieser Schritt steht für die App Ihrer Bank oder den Code, den sie sendet. Bestehen Sie ihn, oder nicht.",
  "demopay.challenge.pass": "Ich bin es",
  "demopay.challenge.fail": "Ich bin es nicht",
  "demopay.webhooks": "Wie der Verkäufer davon erfährt",
  "demopay.webhooks.body":
    "Im Leben gehen Nachrichten an Verkäufer verloren oder kommen spät, also auch hier.",
  "demopay.delay": "Verzögerung",
  "demopay.delay.0": "Sofort",
  "demopay.delay.10": "Nach 10 Sekunden",
  "demopay.delay.150": "Nach 2½ Minuten: später, als die meisten Buchungen warten",
  "demopay.copies": "Wie oft",
  "demopay.copies.1": "Einmal",
  "demopay.copies.3": "Dreimal",
  "demopay.copies.20": "Zwanzigmal",
  "demopay.reordered": "In falscher Reihenfolge",
  "demopay.lost": "Gar nicht: Der Verkäufer muss fragen",
  "demopay.succeeded": "Bezahlt",
  "demopay.succeeded.body":
    "Der Verkäufer wird benachrichtigt. Ihre Fahrkarten kommen, sobald er davon weiß.",
  "demopay.declined": "Abgelehnt",
  "demopay.declined.body": "Es wurde nichts abgebucht.",
  "demopay.cancelled": "Vom Verkäufer abgebrochen",
  "demopay.cancelled.body": "Die Zeit zum Zahlen ist um, oder die Buchung gilt nicht mehr.",
  "demopay.back": "Zurück zur Buchung",
  "demopay.missing": "Diese Zahlung gibt es nicht",
  "demopay.missing.body":
    "Vielleicht gehört sie zu einem anderen Verkäufer oder einer anderen Zeit.",
};
