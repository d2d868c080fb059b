-- How many instances each runner keeps loaded of the versions that an alias points to.
alter table aliases add column min_instances integer not null default 0 check (min_instances between 0 and 16);
