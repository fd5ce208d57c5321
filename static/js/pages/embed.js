// `/embed/buses/{id}`: the seat map in a frame of an operator's own page.
import { tell } from "../embed/frame.js";
import { client, leg, live, onward } from "./bus.js";

onward.go = tell({ client, live, leg }) ?? onward.go;
