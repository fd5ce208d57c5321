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
  };
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
  action?: { kind: string; url: string };
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
  contact: { email?: string; phone?: string };
  total: Money;
  payment: Payment;
  created_at: string;
  expires_at: string | null;
  refunded?: Money;
  access_key?: string;
}
export interface Quote {
  ref: string;
  seats: string[];
  refund: Money;
  total: Money;
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
