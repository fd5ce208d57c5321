"""Which handlers a kind of job has: one module a thing that is done, one entry here for each kind it is done for."""

from collections.abc import Mapping

from server.work import hooks, letters
from server.work.bus_refunds import refund_rider
from server.work.handler import Handler
from server.work.refunds import pay_back
from store.jobs import JobKind

HANDLERS: Mapping[JobKind, tuple[Handler, ...]] = {
    JobKind.BOOKING_CONFIRMED: (letters.tell_confirmed, hooks.tell),
    JobKind.BOOKING_CANCELLED: (letters.tell_cancelled, hooks.tell),
    JobKind.BOOKING_EXPIRED: (hooks.tell,),
    JobKind.BOOKING_FAILED: (hooks.tell,),
    JobKind.PAYMENT_LATE: (letters.tell_late_payment,),
    JobKind.REFUND: (pay_back,),
    JobKind.BUS_CHANGED: (refund_rider, letters.tell_bus_changed, hooks.tell),
    JobKind.REMINDER: (letters.remind,),
    JobKind.PASSENGER_MOVED: (letters.tell_moved,),
    JobKind.MAIL_AGAIN: (letters.tell_again,),
}
