// Lo que se dice donde no hay red.
export default {
  "offline.title": "Está sin conexión",
  "offline.body":
    "Esta página necesita la red. Los billetes que ha abierto en este dispositivo están aquí de todos modos.",
  "offline.tickets": "Billetes en este dispositivo",
  "offline.none":
    "Todavía ninguno. Abra una reserva mientras tenga conexión y su billete se quedará aquí hasta que termine el viaje.",
};
