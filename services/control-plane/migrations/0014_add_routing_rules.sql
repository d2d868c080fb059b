-- Which requests go to other backends than the environment's; one release's rules, in their order.
alter table releases add column routing_rules jsonb not null default '[]';
