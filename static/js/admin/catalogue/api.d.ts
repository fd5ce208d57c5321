// What the administration's API says, as the catalogue reads it. The server's OpenAPI document is the law.
import type { Money, Named, Stop } from "../../api.d.ts";

export interface Versioned {
  id: string;
  version: number;
}
export interface AdminStop extends Versioned {
  source: string;
  code: string;
  name: string;
  time_zone: string;
  station: string | null;
  latitude: number | null;
  longitude: number | null;
  operator: string | null;
}
export interface RouteStop {
  stop: Named;
  arrival_seconds: number;
  departure_seconds: number;
}
export interface Route extends Versioned {
  operator: string;
  name: string;
  stops: RouteStop[];
}
export interface PlanSeat {
  seat: string;
  deck: number;
  row: number;
  column: number;
  seat_class: string;
  attributes: string[];
  price_percent: number;
}
export interface LayoutLine {
  id: string;
  operator: string;
  name: string;
  seats_total: number;
}
export interface Layout extends LayoutLine {
  decks: number;
  seats: PlanSeat[];
}
export interface Vehicle extends Versioned {
  operator: string;
  registration: string;
  name: string;
  layout: Named;
  retired: boolean;
}
export interface BusLine extends Versioned {
  name: string;
  operator: Named;
  route: Named | null;
  status: string;
  departs_at: string;
  arrives_at: string;
  seats_total: number;
  seats_available: number;
}
export interface AdminCall {
  place: number;
  stop: Named;
  arrives_at: string;
  departs_at: string;
  bay: string | null;
  delay_seconds: number | null;
}
export interface AdminBus extends BusLine {
  sales_close_seconds: number;
  price: Money;
  layout: Named;
  vehicle: { id: string; registration: string; name: string } | null;
  stops: AdminCall[];
  sales: Record<string, number>;
}
export interface BusFares {
  bus_id: string;
  fares: { from_stop: string; to_stop: string; price: Money; segment?: number }[];
  version: number;
}
export interface Moved {
  id: string;
  status: string;
  version: number;
  affected: { bookings: number; seats: number; paid: Money; bookings_unpaid: number };
}
export interface Device {
  id: string;
  operator: Named;
  kind: "kiosk" | "board" | "scanner";
  name: string;
  status: "active" | "revoked";
  paired_at: string;
  key_issued_at: string;
  stop?: Stop;
  version?: string;
  old_key_ends_at?: string;
  last_seen_at?: string;
  revoked_at?: string;
}
export interface DeviceCode {
  code: string;
  kind: string;
  name: string;
  expires_at: string;
}
export interface Person {
  id: string;
  name: string;
  email: string;
  role: string;
  operator: string | null;
  disabled: boolean;
  second_factor: boolean;
  created_at: string;
}
export interface Invitation {
  user: Person;
  token: string;
  expires_at: string;
}
export interface AdminOperator extends Versioned {
  name: string;
  time_zone: string;
  currency: string;
  disabled: boolean;
  no_show_minutes: number;
  release_no_shows: boolean;
  locale: string;
}
export interface Limits {
  seats_per_buyer: number;
  seats_per_staff: number;
  holds_per_buyer: number;
  holds_per_staff: number;
  cooldown_seconds: number;
  extension_seconds: number;
  hold_seconds_max: number;
  seats_per_address: number | null;
}
export interface Term {
  before_minutes: number;
  percent: number;
  fee: number;
  service_fee_paid_by: "passenger" | "operator";
  channel: "web" | "counter" | "kiosk" | null;
  initiator: "passenger" | "operator";
}
export interface RefundRules {
  id: string;
  operator: string;
  name: string;
  version: number;
  status: "draft" | "published";
  currency: string;
  terms: Term[];
  published_at: string | null;
  default: boolean;
  routes: string[];
}
export interface Webhook {
  id: string;
  operator: string;
  url: string;
  description: string | null;
  events: string[];
  enabled: boolean;
  disabled_because: "staff" | "gone" | "failing" | null;
  disabled_at: string | null;
  failing_since: string | null;
  old_secret_ends_at: string | null;
  waiting: number;
  created_at: string;
}
export interface Delivery {
  id: string;
  webhook: string;
  event: string;
  sequence: number;
  booking: string | null;
  status: "waiting" | "delivered" | "failed";
  attempts: number;
  created_at: string;
  next_attempt_at: string | null;
  ended_at: string | null;
}
export interface Attempt {
  number: number;
  at: string;
  milliseconds: number;
  outcome: string;
  status: number | null;
  answer: string | null;
  error: string | null;
}
export interface DeliveryDetail extends Delivery {
  body: Record<string, unknown>;
  tries: Attempt[];
}
export interface Job {
  id: string;
  operator: string;
  bus_id: string;
  ref: string;
  kind: string;
  detail: Record<string, unknown>;
  state: string;
  attempts: number;
  created_at: string;
  due_at: string;
  leased_until: string | null;
  done_at: string | null;
  last_error: string | null;
}
export interface AuditEntry {
  id: string;
  operator: string | null;
  at: string;
  actor: string | null;
  action: string;
  subject: string;
  detail: Record<string, unknown>;
  position: number | null;
  hash: string | null;
}
export interface Import {
  id: string;
  operator: string;
  user: string;
  file: string;
  bytes: number;
  status: "running" | "done" | "refused" | "failed" | "cancelled";
  step: string;
  done: number;
  total: number;
  created_at: string;
  ended_at: string | null;
  added: {
    from: string;
    until: string;
    shifted_days: number;
    stops: number;
    routes: number;
    buses: number;
    seats: number;
    known: number;
    differing: number;
    unlisted: number;
    stops_differing: number;
  } | null;
  code: string | null;
  detail: string | null;
  faults: { file: string; line: number | null; reason: string }[];
  faults_total: number;
}

export interface WatchedRoom {
  id: string;
  operator: string;
  scope: "bus" | "route" | "operator";
  subject: string;
  name: string;
  status: "soon" | "open" | "closed";
  by_load: boolean;
  created_at: string;
  opens_at: string;
  closed_at: string | null;
  per_minute: number | null;
  pace: number;
  now_serving: number;
  joined: number;
  waiting: number;
  entered: number;
  sold_out: boolean;
}
