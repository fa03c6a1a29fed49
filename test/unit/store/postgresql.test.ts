import { databaseServerContract } from "../../contract/database-server.ts";
import { postgresql } from "../../support/servers.ts";

databaseServerContract(postgresql);
