// La máquina de billetes.
export default {
  "kiosk.title": "Billetes",
  "kiosk.aids": "Ayudas para esta pantalla",
  "kiosk.large": "Letra grande",
  "kiosk.strong": "Contraste",
  "kiosk.help": "Ayuda",
  "kiosk.leave": "Empezar de nuevo",
  "kiosk.next": "Siguiente",
  "kiosk.offline":
    "Sin conexión. Hasta que vuelva no se puede comprar nada; lo que ha elegido sigue aquí.",
  "kiosk.nowhere": "Esta máquina no está en ninguna parada",
  "kiosk.nowhere.body": "El personal puede asignarle una en la lista de dispositivos.",

  "kiosk.help.title": "Ayuda",
  "kiosk.help.close": "Seguir",
  "kiosk.help.attract":
    "Toque un idioma para comprar un billete para uno de los próximos autobuses. Son cinco pasos.",
  "kiosk.help.where":
    "Elija adónde quiere ir. Cada letra muestra solo los lugares que empiezan por ella.",
  "kiosk.help.bus":
    "Elija un día y después un autobús. En cada uno se ve cuándo sale, cuándo llega y cuánto cuesta un asiento.",
  "kiosk.help.seats":
    "Toque un asiento para elegirlo y tóquelo otra vez para devolverlo. O toque cuántos son y tendrá los mejores asientos juntos.",
  "kiosk.help.people":
    "Escriba el nombre de quien va en ese asiento. El teclado de abajo tiene letras latinas, árabes y devanagari. Los nombres desaparecen de esta pantalla cuando usted se va.",
  "kiosk.help.pay":
    "Pague con su propio teléfono: escanee el código cuadrado con la cámara. Sus asientos quedan reservados mientras paga.",
  "kiosk.help.ticket":
    "Recoja los billetes impresos. Con «A mi teléfono» puede llevarlos también ahí.",
  "kiosk.help.voucher":
    "Lleve el papel impreso al mostrador y pague allí. Los asientos se guardan hasta la hora que indica.",
  "kiosk.help.keys":
    "Todo funciona también con un teclado: Tab avanza, Intro elige y las flechas mueven por el plano de asientos.",
  "kiosk.help.staff":
    "El personal de {operator} le ayuda en la taquilla. Esta es la máquina «{name}».",

  "kiosk.step.where": "Destino",
  "kiosk.step.bus": "Autobús",
  "kiosk.step.seats": "Asientos",
  "kiosk.step.people": "Pasajeros",
  "kiosk.step.pay": "Pago",

  "kiosk.idle.title": "¿Sigue ahí?",
  "kiosk.idle.body": {
    one: "Dentro de un segundo se liberan sus asientos y se borran sus datos.",
    many: "Dentro de {count} de segundos se liberan sus asientos y se borran sus datos.",
    other: "Dentro de {count} segundos se liberan sus asientos y se borran sus datos.",
  },
  "kiosk.idle.left": {
    one: "Queda un segundo",
    many: "Quedan {count} de segundos",
    other: "Quedan {count} segundos",
  },
  "kiosk.idle.stay": "Más tiempo",
  "kiosk.idle.leave": "He terminado",

  "attract.title": "Compre aquí su billete",
  "attract.sub": "Elija su asiento en un plano en directo y pague con el teléfono.",
  "attract.next": "Próximas salidas",
  "attract.start": "Toque para empezar",
  "attract.languages": "Idioma",

  "kiosk.where": "¿Adónde quiere ir?",
  "kiosk.popular": "Con más autobuses",
  "kiosk.letters": "Lugares que empiezan por",
  "kiosk.all": "Todos",
  "kiosk.bus": "¿Qué autobús a {to}?",
  "kiosk.today": "Hoy",
  "kiosk.tomorrow": "Mañana",
  "kiosk.seats": "¿Qué asientos?",
  "kiosk.seats.hint": "Toque un asiento en el plano",
  "kiosk.party": "Mejores asientos para",
  "kiosk.people": "¿Quién va en el {seat}?",
  "kiosk.people.of": "Pasajero {at} de {count}",
  "kiosk.phone": "¿Quiere noticias sobre este viaje?",
  "kiosk.phone.hint": "Si quiere, deje un número de teléfono. No hace falta.",
  "kiosk.phone.skip": "Sin número",
  "kiosk.pay": "¿Cómo quiere pagar?",
  "kiosk.unpaid": "No se ha pagado nada",
  "pay.phone": "Con mi teléfono",
  "pay.phone.body": "Escanee un código y pague ahí",
  "pay.cash": "En efectivo, al personal",
  "pay.cash.body": "Hay alguien aquí para cobrarle",
  "pay.cash.title": "Efectivo: {amount}",
  "pay.cash.ask": "Entregue el dinero al personal, que lo confirma con su PIN.",
  "pay.cash.go": "{amount} recibidos",
  "pay.cash.wrong": "Ese no es el PIN",
  "pay.voucher": "En el mostrador",
  "pay.voucher.body": {
    one: "Reservar los asientos un minuto y pagar allí",
    many: "Reservar los asientos {count} minutos y pagar allí",
    other: "Reservar los asientos {count} minutos y pagar allí",
  },
  "pay.voucher.full":
    "El mostrador no puede reservar ahora tantos asientos de este autobús. Pague de otra forma.",
  "voucher.title": "Sus asientos están reservados hasta las {time}",
  "voucher.body":
    "Lleve este papel al mostrador y pague allí en efectivo. Los asientos que no se paguen hasta entonces se venden a otros.",
  "voucher.slip": "Papel para el mostrador",
  "voucher.code": "Código",
  "voucher.pay": "A pagar",
  "voucher.until": "Hasta",
  "voucher.not": "No es un billete: pague en el mostrador",
  "voucher.back": "Devolver los asientos",
  "pay.none": "Ahora no es posible pagar aquí",
  "pay.none.body": "En la taquilla pueden venderle estos asientos.",
  "pay.scan": "Escanee este código con su teléfono",
  "pay.scan.alt": "Código QR que abre el pago en su teléfono",
  "pay.scan.1": "Abra la cámara de su teléfono y apunte aquí",
  "pay.scan.2": "Abra la página que encuentra y pague",
  "pay.scan.3": "Su billete se imprime aquí al momento",
  "pay.scan.wait": "Esperando su pago. Esta pantalla sigue sola.",

  "kiosk.done": "¡Buen viaje!",
  "kiosk.done.body":
    "Sus billetes se están imprimiendo. Muestre uno por pasajero al subir al autobús.",
  "kiosk.finish": "Terminar",
  "kiosk.print": "Imprimir otra vez",
  "kiosk.take": "A mi teléfono",
  "kiosk.take.title": "Llévese sus billetes",
  "kiosk.take.alt": "Código QR que abre su reserva en su teléfono",
  "kiosk.take.body":
    "Quien escanee este código puede ver y cancelar la reserva: muéstrelo solo a su propio teléfono.",
  "kiosk.slip": "Billete para el asiento {seat}, {name}",
  "kiosk.slip.code": "Código QR del billete para el asiento {seat}",

  "pair.title": "Vincular este dispositivo",
  "pair.body":
    "El personal puede pedir un código: en «Dispositivos» de las páginas de administración, o con «omnibus device pair».",
  "pair.code": "Seis cifras",
  "pair.go": "Vincular",
  "pair.hint": "Un código vale una sola vez y durante cinco minutos.",
  "pair.wrong":
    "Ningún dispositivo espera con ese código. Puede que ya se haya usado o que sea demasiado antiguo.",
  "pair.later": "Demasiados códigos equivocados. Inténtelo de nuevo dentro de {time}.",
  "pin.title": "¿Esta máquina acepta efectivo?",
  "pin.body":
    "Si hay personal al lado, elija un PIN con el que confirme el efectivo. Solo se ofrece mientras haya un turno abierto en esta máquina.",
  "pin.label": "PIN del personal",
  "pin.set": "Fijar el PIN",
  "pin.none": "Sin efectivo",

  "keys.label": "Teclado en pantalla",
  "keys.pad": "Teclado numérico",
  "keys.erase": "Borrar",
  "keys.shift": "Mayúsculas",
  "keys.more": "Más letras",
  "keys.accents": "Letras con acento",
  "keys.script": "Cambiar a {name}",
  "keys.space": "Espacio",
};
