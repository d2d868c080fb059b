// moleculer-web in front of a NATS transporter, as its documentation shows.
import moleculer from "moleculer";
import ApiGateway from "moleculer-web";

const broker = new moleculer.ServiceBroker({ nodeID: "gateway", transporter: process.env.NATS_URL, logger: false });
broker.createService({
  mixins: [ApiGateway],
  settings: {
    port: Number(process.argv[2]),
    ip: "127.0.0.1",
    routes: [{ path: "/", aliases: { "GET hello": "hello.world" } }],
  },
});
await broker.start();
