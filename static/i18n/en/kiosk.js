// The kiosk.
export default {
  "kiosk.title": "Tickets",
  "kiosk.aids": "Help with this screen",
  "kiosk.large": "Large text",
  "kiosk.strong": "Contrast",
  "kiosk.help": "Help",
  "kiosk.leave": "Start over",
  "kiosk.next": "Next",
  "kiosk.offline":
    "No connection. Nothing can be bought until it is back; what you have chosen is still here.",
  "kiosk.nowhere": "This kiosk stands at no stop",
  "kiosk.nowhere.body": "Staff can give it one in the list of devices.",

  "kiosk.help.title": "Help",
  "kiosk.help.close": "Go on",
  "kiosk.help.attract":
    "Touch a language to buy a ticket for one of the next buses. It takes five steps.",
  "kiosk.help.where":
    "Choose where you want to go. The letters show only places that begin with them.",
  "kiosk.help.bus":
    "Choose a day, then a bus. Each shows when it leaves, when it arrives and what a seat costs.",
  "kiosk.help.seats":
    "Touch a seat to choose it, and touch it again to give it back. Or touch how many you are, and get the best seats together.",
  "kiosk.help.people":
    "Write the name of whoever sits there. The keyboard below has Latin, Arabic and Devanagari letters. Names are gone from this screen when you leave.",
  "kiosk.help.pay":
    "Pay with your own phone: scan the square code with its camera. Your seats are kept while you pay.",
  "kiosk.help.ticket":
    "Take the printed tickets. With “To my phone” you can carry them there as well.",
  "kiosk.help.voucher":
    "Take the printed slip to the counter and pay there. The seats are kept until the time that it shows.",
  "kiosk.help.keys":
    "Everything works with a keyboard, too: Tab moves on, Enter chooses, arrows move on the seat map.",
  "kiosk.help.staff": "Staff of {operator} help you at the counter. This is kiosk “{name}”.",

  "kiosk.step.where": "Where to",
  "kiosk.step.bus": "Bus",
  "kiosk.step.seats": "Seats",
  "kiosk.step.people": "Travellers",
  "kiosk.step.pay": "Pay",

  "kiosk.idle.title": "Are you still there?",
  "kiosk.idle.body": {
    one: "In one second your choice is let go and your details are deleted.",
    other: "In {count} seconds your choice is let go and your details are deleted.",
  },
  "kiosk.idle.left": { one: "One second left", other: "{count} seconds left" },
  "kiosk.idle.stay": "More time",
  "kiosk.idle.leave": "I am done",

  "attract.title": "Buy your ticket here",
  "attract.sub": "Choose your seat on the live map and pay with your phone.",
  "attract.next": "Next departures",
  "attract.start": "Touch to start",
  "attract.languages": "Language",

  "kiosk.where": "Where do you want to go?",
  "kiosk.popular": "Most buses",
  "kiosk.letters": "Places that begin with",
  "kiosk.all": "All",
  "kiosk.bus": "Which bus to {to}?",
  "kiosk.today": "Today",
  "kiosk.tomorrow": "Tomorrow",
  "kiosk.seats": "Which seats?",
  "kiosk.seats.hint": "Touch a seat on the map",
  "kiosk.party": "Best seats for",
  "kiosk.people": "Who sits on {seat}?",
  "kiosk.people.of": "Traveller {at} of {count}",
  "kiosk.phone": "Do you want news about this trip?",
  "kiosk.phone.hint": "If you like, leave a phone number. It is not needed.",
  "kiosk.phone.skip": "Without a number",
  "kiosk.pay": "How do you want to pay?",
  "kiosk.unpaid": "Nothing was paid",
  "pay.phone": "With my phone",
  "pay.phone.body": "Scan a code and pay there",
  "pay.cash": "In cash, to staff",
  "pay.cash.body": "Somebody stands by to take it",
  "pay.cash.title": "Cash: {amount}",
  "pay.cash.ask": "Give the money to staff, who confirm it with their PIN.",
  "pay.cash.go": "{amount} received",
  "pay.cash.wrong": "That is not the PIN",
  "pay.voucher": "At the counter",
  "pay.voucher.body": {
    one: "Keep the seats for one minute and pay there",
    other: "Keep the seats for {count} minutes and pay there",
  },
  "pay.voucher.full":
    "The counter cannot keep so many seats of this bus just now. Please pay another way.",
  "voucher.title": "Your seats are kept until {time}",
  "voucher.body":
    "Take this slip to the counter and pay there in cash. Seats that are not paid for by then are sold to others.",
  "voucher.slip": "Slip for the counter",
  "voucher.code": "Code",
  "voucher.pay": "To pay",
  "voucher.until": "By",
  "voucher.not": "Not a ticket: pay at the counter",
  "voucher.back": "Give the seats back",
  "pay.none": "Paying is not possible here now",
  "pay.none.body": "Staff at the counter can sell you these seats.",
  "pay.scan": "Scan this code with your phone",
  "pay.scan.alt": "QR code that opens the payment on your phone",
  "pay.scan.1": "Open your phone’s camera and point it here",
  "pay.scan.2": "Open the page it finds, and pay",
  "pay.scan.3": "Your ticket is printed here at once",
  "pay.scan.wait": "Waiting for your payment. This screen goes on by itself.",

  "kiosk.done": "Have a good trip!",
  "kiosk.done.body": "Your tickets are being printed. Show one for each traveller at the bus.",
  "kiosk.finish": "Finish",
  "kiosk.print": "Print again",
  "kiosk.take": "To my phone",
  "kiosk.take.title": "Take your tickets along",
  "kiosk.take.alt": "QR code that opens your booking on your phone",
  "kiosk.take.body":
    "Whoever scans this code can see and cancel the booking: show it to your own phone only.",
  "kiosk.slip": "Ticket for seat {seat}, {name}",
  "kiosk.slip.code": "QR code of the ticket for seat {seat}",

  "pair.title": "Pair this device",
  "pair.body":
    "Staff can have a code shown: under devices in the admin pages, or with “omnibus device pair”.",
  "pair.code": "Six digits",
  "pair.go": "Pair",
  "pair.hint": "A code is good once, and for five minutes.",
  "pair.wrong": "No device waits under this code. It may have been used, or be too old.",
  "pair.later": "Too many wrong codes. Try again in {time}.",
  "pin.title": "Does this kiosk take cash?",
  "pin.body":
    "If staff stand by, choose a PIN with which they confirm cash. It is offered only while a shift of this kiosk is open.",
  "pin.label": "PIN of staff",
  "pin.set": "Set PIN",
  "pin.none": "No cash",

  "keys.label": "On-screen keyboard",
  "keys.pad": "Number pad",
  "keys.erase": "Delete",
  "keys.shift": "Capital letters",
  "keys.more": "More letters",
  "keys.accents": "Letters with accents",
  "keys.script": "Change to {name}",
  "keys.space": "Space",
};
