// What the API says, as the pages read it. The server's OpenAPI document is the law; this is the part in use.

export interface Money {
  amount: number;
  currency: string;
}
export interface Named {
  id: string;
  name: string;
}
export interface Stop {
  id: string;
  name: string;
  time_zone: string;
  station?: string;
  latitude?: number;
  longitude?: number;
}
export interface StopCall {
  stop: Stop;
  arrives_at: string;
  departs_at: string;
  can_board: boolean;
  can_alight: boolean;
}
export interface Departure {
  id: string;
  name: string;
  operator: Named;
  route: Named | null;
  departs_at: string;
  arrives_at: string;
  from_stop: Stop;
  to_stop: Stop;
  price: Money;
  seats_total: number;
  seats_available: number;
  status: string;
  from_index: number;
  to_index: number;
  seat_classes: string[];
}
export interface Day {
  date: string;
  buses: number;
  price: Money | null;
}
export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
export interface LayoutSeat {
  seat: string;
  deck: number;
  row: number;
  column: number;
  seat_class: string;
  attributes: string[];
}
export interface Bus {
  id: string;
  name: string;
  operator: Named;
  route: Named | null;
  status: string;
  departs_at: string;
  arrives_at: string;
  price: Money;
  seats_total: number;
  seats_available: number;
  stops: StopCall[];
  layout: { id: string; name: string; decks: number; seats: LayoutSeat[] };
  rules: {
    seats_per_buyer: number;
    seats_per_address: number;
    holds_per_buyer: number;
    cooldown_seconds: number;
    hold_seconds: number;
    hold_seconds_max: number;
    extension_seconds: number;
    pending_seconds: number;
    sales_close_seconds: number;
    refund: string;
    refund_terms: { before_minutes: number; percent: number; fee: Money }[];
  };
  payment_methods: string[];
}
export interface Seat extends LayoutSeat {
  status: string;
  states: string;
  price: Money;
}
export interface SeatMap {
  bus_id: string;
  epoch: number;
  rev: number;
  segments: number;
  from_stop: string;
  to_stop: string;
  status: string;
  seats: Seat[];
}
export interface BestSeats {
  bus_id: string;
  rev: number;
  items: { seats: string[]; total: Money; together: boolean }[];
}
export interface Hold {
  id: string;
  bus_id: string;
  seats: string[];
  from_stop: string;
  to_stop: string;
  expires_at: string;
  extended: boolean;
  total: Money;
  prices: { seat: string; price: Money }[];
}
export interface Passenger {
  seat: string;
  name: string;
  category: string;
  price: Money;
  ticket?: string;
  status?: string;
}
export interface Payment {
  id: string;
  status: string;
  method: string;
  amount: Money;
  action?: { kind: string; url?: string; begin_url?: string; details?: Record<string, unknown> };
}
export interface Booking {
  ref: string;
  status: string;
  bus_id: string;
  bus_name: string;
  operator: Named;
  from_stop: string;
  to_stop: string;
  from_stop_name: string;
  to_stop_name: string;
  from_time_zone: string;
  to_time_zone: string;
  departs_at: string;
  arrives_at: string;
  seats: string[];
  passengers: Passenger[];
  contact: { email?: string; phone?: string; locale?: string };
  total: Money;
  payment: Payment;
  created_at: string;
  expires_at: string | null;
  refunded?: Money;
  access_key?: string;
  /** When this was kept for want of a network; the server never says it. */
  kept_at?: string;
}
export interface Quote {
  ref: string;
  seats: string[];
  refund: Money;
  total: Money;
  fees: Money;
  quote_id: string;
  valid_until: string;
  passengers: { seat: string; name: string; paid: Money; refund: Money }[];
}
export interface AdminBus {
  id: string;
  name: string;
  operator: Named;
  route: Named | null;
  status: string;
  departs_at: string;
  arrives_at: string;
  seats_total: number;
  seats_available: number;
  version: number;
  price: Money;
  vehicle: { id: string; registration: string; name: string } | null;
  stops: {
    place: number;
    stop: Named;
    arrives_at: string;
    departs_at: string;
    bay: string | null;
    delay_seconds: number | null;
  }[];
  sales: {
    seats_available: number;
    seats_locked: number;
    seats_booked: number;
    seats_blocked: number;
    bookings_paid: number;
    bookings_unpaid: number;
  };
}
export interface FoundBooking {
  ref: string;
  status: string;
  bus_id: string;
  bus_name: string;
  operator: Named;
  from_stop_name: string;
  to_stop_name: string;
  time_zone: string;
  departs_at: string;
  seats: string[];
  names: string[];
  email: string | null;
  phone: string | null;
  method: string;
  total: Money;
  created_at: string;
  at_counter: boolean;
}
export interface User {
  id: string;
  name: string;
  email: string;
  email_verified: boolean;
  role: string;
  operator?: string;
}
export interface SignedIn {
  user: User;
  access_token: string;
  expires_in: number;
}
export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string;
  request_id?: string;
  retry_after?: number;
  errors?: { pointer: string; code: string; detail: string }[];
  seats?: { seat: string; status: string }[];
  quote?: Quote;
  room?: { id: string; page: string };
}

export interface Room {
  id: string;
  name: string;
  scope: "bus" | "route" | "operator";
  subject: string;
  status: "soon" | "open" | "closed";
  now: string;
  opens_at: string;
  now_serving: number;
  waiting: number;
  pace: number;
  sold_out: boolean;
  commitment: string;
  seed: string | null;
}
export interface RoomPlace {
  room: string;
  place: string;
  number: number | null;
  joined_at: string;
  token: string;
}
export interface Admission {
  room: string;
  token: string;
  expires_at: string;
}

// The frames of `seatmap.v1`.
export type SeatPairs = [string, string][];
export type Frame =
  | { type: "hello"; session: string; now: string; heartbeat: number }
  | {
      type: "subscribed";
      id: number;
      bus: string;
      mode: "snapshot" | "same";
      epoch: number;
      rev: number;
      seats?: SeatPairs;
    }
  | {
      type: "delta";
      bus: string;
      epoch: number;
      prev: number;
      rev: number;
      seats: SeatPairs;
      at: string;
      status?: string;
    }
  | { type: "snapshot"; bus: string; epoch: number; rev: number; seats: SeatPairs }
  | { type: "heartbeat"; revs: Record<string, number>; now: string }
  | { type: "error"; id: number; code: string; detail: string }
  | { type: "bye"; code: number; reconnect_in: [number, number] }
  | { type: "status"; live: boolean };

// What topics tell: each frame is whole.
export interface BoardDeparture {
  bus: string;
  name: string;
  operator: string;
  route: string | null;
  destination: string;
  departs_at: string;
  delay_seconds: number | null;
  bay: string | null;
  status: string;
  seats_left: number;
  seats_total: number;
}
export interface Board {
  type: "board";
  topic: string;
  stop: string;
  name: string;
  time_zone: string;
  departures: BoardDeparture[];
  at: string;
}
export type TopicFrame =
  | Board
  | { type: "hello"; session: string; now: string; heartbeat: number }
  | { type: "heartbeat"; revs: Record<string, number>; now: string }
  | { type: "error"; id: number; code: string; detail: string }
  | { type: "bye"; code: number; reconnect_in: [number, number] }
  | { type: "status"; live: boolean };

export interface DeviceState {
  now: string;
  operator: Named;
  stop: Stop | null;
  kind: string;
  name: string;
  settings: {
    currency: string;
    time_zone: string;
    hold_seconds: number;
    heartbeat_seconds: number;
    voucher_seconds: number;
  };
}
export interface PhoneCode {
  url: string;
  svg: string;
}

export interface DemoPayment {
  reference: string;
  description: string;
  amount: Money;
  status: "open" | "challenged" | "succeeded" | "declined" | "cancelled";
  return_url: string;
}

// At the door.
export type Verdict =
  | "ok"
  | "already_boarded"
  | "cancelled"
  | "no_show"
  | "wrong_bus"
  | "wrong_stop"
  | "unknown"
  | "bad_signature"
  | "too_early"
  | "too_late"
  | "id_reused";
export interface BusOfDay {
  id: string;
  name: string;
  route: string | null;
  departs_at: string;
  arrives_at: string;
  status: string;
  tickets: number;
  boarded: number;
  etag: string;
}
export interface ManifestLine {
  seat: string;
  seat_no: number;
  name: string;
  category: string;
  from_stop: Named;
  to_stop: Named;
  boards_at: string;
  ref: string;
  ticket: string;
  status: "VALID" | "CANCELLED" | "NO_SHOW";
  boarded: boolean;
  boarded_at?: string;
  boarded_by?: string;
  former_seat_nos?: number[];
}
export interface Manifest {
  bus_id: string;
  bus_name: string;
  status: string;
  passengers: ManifestLine[];
  stops: { stop: Named; arrives_at: string; departs_at: string }[];
  keys: { id: string; number: number; algorithm: string; key: string }[];
}
export interface ScanAnswer {
  id: string;
  bus_id: string;
  verdict: Verdict;
  replayed?: boolean;
  late?: boolean;
  undone?: boolean;
  passenger?: { name: string; ref: string; seat: string; from_stop: string; to_stop: string };
  boarded?: { at: string; by?: string; where?: string };
  right_bus?: string;
}
