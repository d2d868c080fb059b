import moleculer from "moleculer";

const broker = new moleculer.ServiceBroker({ nodeID: "service", transporter: process.env.NATS_URL, logger: false });
broker.createService({ name: "hello", actions: { world: () => ({ hello: "world" }) } });
await broker.start();
